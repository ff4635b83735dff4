import Testing

@testable import MusterCore

@Suite("purge log")
struct PurgeLogTests {
    private let term = Term(counter: 1, holder: EdgeID(15)!)!

    @Test("numbers grow, with the clock and without it")
    func numbers() {
        var log = PurgeLog()
        #expect([5, 5, 0, 9].map { log.append(.all, term: term, nowMs: $0).number } == [5, 6, 7, 9])
    }

    @Test("a leader that lost its disk, and leads by its old term, is not taken to repeat itself")
    func lostDisk() {
        var (before, after, follower) = (PurgeLog(), PurgeLog(), PurgeLog())
        let old = before.append(.image(1), term: term, nowMs: 1_000)
        #expect(follower.merge([old], forgotten: nil) == [old])
        let new = after.append(.image(2), term: term, nowMs: 1_200)
        #expect(follower.merge([new], forgotten: nil) == [new])
        #expect(follower.merge([old, new], forgotten: nil) == [])
    }

    @Test("logs that told each other agree, whatever they heard first")
    func digest() {
        var (one, other) = (PurgeLog(), PurgeLog())
        let purges = (1...5).map { Purge(term: term, number: $0, pattern: .image(Int64($0))) }
        _ = one.merge(Array(purges[0..<3]), forgotten: nil)
        _ = other.merge(purges[2...].reversed(), forgotten: nil)
        #expect(one.digest != other.digest)
        _ = one.merge(other.purges, forgotten: nil)
        _ = other.merge(one.purges, forgotten: nil)
        #expect(one.digest == other.digest && one.purges == purges)
    }
}
