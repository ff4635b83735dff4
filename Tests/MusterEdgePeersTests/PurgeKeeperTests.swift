import FoundationEssentials
import MusterAPI
import MusterElection
import MusterHTTP
import MusterRole
import MusterWire
import Synchronization
import Testing

@testable import MusterEdgePeers

@Suite(.timeLimit(.minutes(2))) struct PurgeKeeperTests {
    private static let purges = [
        Purge(term: term(two), number: 1, pattern: .image(5)),
        Purge(term: term(two), number: 2, pattern: .prefix("/a")),
    ]

    @Test func eachIsDoneOnceAndStays() async throws {
        let bench = Bench()
        let done = Mutex<[PurgePattern]>([])
        let purge: @Sendable (PurgePattern) async -> Int = { pattern in
            done.withLock { $0.append(pattern) }
            return 2
        }
        let keeper = try bench.purges(purge)
        #expect(try await keeper.obey(Self.purges, forgotten: nil) == 4)
        #expect(try await keeper.obey(Self.purges.reversed(), forgotten: nil) == 0)
        #expect(done.withLock { $0 } == [.image(5), .prefix("/a")])
        // Another process takes it up.
        let again = try bench.purges(purge)
        #expect(again.known.purges == Self.purges)
        #expect(again.digest == keeper.digest)
        #expect(again.number(.all, term: term(two)).number > 2)
        #expect(try await again.obey(Self.purges, forgotten: nil) == 0)
    }

    /// Whoever finds it in the log may rely on its having been done.
    @Test func itIsKnownOnceItIsDone() async throws {
        let bench = Bench()
        let box = Mutex<PurgeKeeper?>(nil)
        let known = Mutex<[Int]>([])
        let keeper = try bench.purges { _ in
            let count = box.withLock { $0?.known.purges.count } ?? -1
            known.withLock { $0.append(count) }
            return 0
        }
        box.withLock { $0 = keeper }
        _ = try await keeper.obey(Self.purges, forgotten: nil)
        #expect(known.withLock { $0 } == [0, 0])
        #expect(keeper.known.purges.count == 2)
        box.withLock { $0 = nil }
    }

    /// What is forgotten at this moment may still be had from an edge that knows of no purge: nothing is begun on the digest's word.
    @Test func nothingIsSettledWhileItIsDone() async throws {
        let bench = Bench()
        let box = Mutex<PurgeKeeper?>(nil)
        let settled = Mutex<[Bool]>([])
        let look: @Sendable () -> Void = {
            var isSettled = false
            box.withLock { $0 }?.whileSettled { _ in isSettled = true }
            settled.withLock { $0.append(isSettled) }
        }
        let keeper = try bench.purges { _ in
            look()
            return 0
        }
        box.withLock { $0 = keeper }
        look()
        _ = try await keeper.obey(Self.purges, forgotten: nil)
        look()
        #expect(settled.withLock { $0 } == [true, false, false, true])
        box.withLock { $0 = nil }
    }

    @Test func anotherIsTold() async throws {
        let bench = Bench()
        let keeper = try bench.purges()
        _ = try await keeper.obey([Self.purges[0]], forgotten: nil)
        let response = try await keeper.receive(EdgePurges(PurgeLog([Self.purges[1]], forgotten: nil)))
        #expect(response.status == 200)
        #expect(keeper.known.purges == Self.purges)
    }

    @Test(arguments: ["", "[]", "{\"purges\":[{}]}"]) func aDamagedLogIsNamed(_ text: String) throws {
        let bench = Bench()
        try Data(text.utf8).write(to: URL(filePath: bench.folder + "/purges"))
        let error = #expect(throws: NodeError.self) { _ = try bench.purges() }
        #expect(error?.message.contains("/purges is damaged") == true && error?.message.contains("remove it") == true)
    }
}
