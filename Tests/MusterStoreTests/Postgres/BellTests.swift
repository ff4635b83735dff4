import Glibc
import MusterStore
import Testing

@testable import MusterPostgres

/// How long what is away, or silent, is waited for once a store closes.
struct BellTests {
    @Test func theGraceBeginsWithTheRing() throws {
        let bell = try Bell()
        let start = ContinuousClock.now
        #expect(bell.end(ofWaitFrom: start) == nil && !bell.hasRung && !bell.isOver)
        bell.ring(at: start)
        // It is rung once.
        bell.ring(at: start - .seconds(100))
        #expect(bell.end(ofWaitFrom: start - .seconds(100)) == start + Bell.graceMax)
        #expect(bell.end(ofWaitFrom: start + .seconds(5)) == start + .seconds(5) + Bell.graceMax)
        #expect(bell.hasRung && bell.sleep(for: .seconds(3600)))
    }

    @Test func whatIsWaitedForLongEnoughIsNotWaitedForAnyMore() throws {
        let (bell, quiet) = (try Bell(), try Bell())
        let listener = try #require(LastingPort.listener(at: 0))
        defer { close(listener) }
        try #require(listen(listener, 1) == 0)
        let before = ContinuousClock.now
        let start = before - Bell.graceMax
        #expect(waitFor(Int16(POLLIN), at: listener, since: start, Bell.graceMax, quiet) == nil)
        bell.ring(at: start)
        #expect(waitFor(Int16(POLLIN), at: listener, since: start, .seconds(60), bell) == nil)
        #expect(.now - before < .seconds(40))
    }

    /// Each of many addresses would take its time, while people wait for the program to end.
    @Test func onlyOneAddressIsTriedWhenItIsOver() throws {
        let url = try PostgresURL("postgres://u@127.0.0.1:1,127.0.0.1:2/db")
        func tried(_ bell: Bell) -> Int {
            do throws(StoreError) {
                _ = try Connection.open(url, bell)
                return 0
            } catch { return error.message.split(separator: " / ").count }
        }
        let bell = try Bell()
        #expect(tried(bell) == 2)
        bell.ring(at: .now - Bell.graceMax)
        #expect(tried(bell) == 1)
    }
}
