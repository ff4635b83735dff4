import MusterElection
import Testing

@Suite struct PurgeLogTests {
    private static func term(_ counter: UInt64, _ holder: Int) -> Term {
        Term(counter: counter, holder: EdgeID(holder)!)!
    }

    private static func purges(_ numbers: ClosedRange<UInt64>, _ term: Term) -> [Purge] {
        numbers.map { Purge(term: term, number: $0, pattern: .image(Int64($0))) }
    }

    private static func log(_ purges: [Purge]) -> PurgeLog { PurgeLog(purges, forgotten: nil) }

    /// Each tells the other what it had, as edges do.
    private static func exchange(_ a: inout PurgeLog, _ b: inout PurgeLog) -> (atA: [Purge], atB: [Purge]) {
        let old = a
        let atA = a.merge(b.purges, forgotten: b.forgotten)
        let atB = b.merge(old.purges, forgotten: old.forgotten)
        return (atA, atB)
    }

    @Test func numbersCountWithinATerm() {
        var log = PurgeLog()
        let (old, new) = (Self.term(1, 3), Self.term(2, 2))
        func next(_ term: Term) -> UInt64 {
            let purge = log.number(.all, term: term, nowMs: 0)
            #expect(purge.term == term)
            _ = log.merge([purge], forgotten: nil)
            return purge.number
        }
        #expect([next(old), next(old), next(new), next(new)] == [1, 2, 1, 2])
        // Though newer ones of others are known.
        #expect(next(old) == 3)
        #expect(log.purges.count == 5)
        #expect(log.purges == log.purges.sorted())
    }

    /// Given before it is done, and not in the log before that.
    @Test func numbersGivenTogetherDiffer() {
        var log = PurgeLog()
        let term = Self.term(1, 1)
        let digest = log.digest
        let (a, b) = (log.number(.all, term: term, nowMs: 0), log.number(.all, term: term, nowMs: 0))
        #expect((a.number, b.number) == (1, 2))
        #expect(log.digest == digest && log.purges.isEmpty)
        #expect(log.merge([b], forgotten: nil) == [b])
        #expect(log.merge([a], forgotten: nil) == [a])
        #expect(log.purges == [a, b])
    }

    @Test func knownOnesAreNotNew() {
        let all = Self.purges(1...5, Self.term(4, 2))
        var log = Self.log([all[1], all[3]])
        #expect(log.merge(all.reversed(), forgotten: nil) == [all[0], all[2], all[4]])
        #expect(log.merge(all, forgotten: nil).isEmpty)
        #expect(log.purges == all)
        #expect(log.digest == Self.log(all.shuffled()).digest)
    }

    @Test func digestsTellLogsApart() {
        let (a, b) = (Self.term(1, 1), Self.term(1, 2))
        let logs = [
            [], [Purge(term: a, number: 1, pattern: .all)], [Purge(term: b, number: 1, pattern: .all)],
            [Purge(term: a, number: 2, pattern: .all)], [Purge(term: a, number: 1, pattern: .image(1))],
            [Purge(term: a, number: 1, pattern: .prefix("/a"))], [Purge(term: a, number: 1, pattern: .prefix("/b"))],
        ]
        #expect(Set(logs.map { Self.log($0).digest }).count == logs.count)
    }

    /// An edge that lost its disk gave a number again: neither purge is taken for the other.
    @Test func oneNumberTwice() {
        let term = Self.term(1, 3)
        let (one, other) = (
            Purge(term: term, number: 1, pattern: .image(1)), Purge(term: term, number: 1, pattern: .prefix("/x"))
        )
        var (a, b) = (Self.log([one]), Self.log([other]))
        #expect(a.digest != b.digest)
        let new = Self.exchange(&a, &b)
        #expect(new.atA == [other] && new.atB == [one])
        #expect(a.digest == b.digest)
    }

    @Test(arguments: [(0, 0), (3, 0), (3, 5), (1_000, 20), (1_024, 1_024), (20, 1_010), (700, 700)])
    func divergedLogsAgreeAfterwards(_ left: UInt64, _ right: UInt64) {
        let shared = Self.purges(1...10, Self.term(1, 3))
        func more(_ count: UInt64, _ holder: Int) -> [Purge] {
            count == 0 ? [] : Self.purges(1...count, Self.term(2, holder))
        }
        var a = Self.log(shared + more(left, 1))
        var b = Self.log(shared + more(right, 2))
        let (done, due) = (Set(a.purges + b.purges), (a, b))
        let new = Self.exchange(&a, &b)
        for (had, got) in [(due.0, new.atA), (due.1, new.atB)] {
            let isAll = got.contains { $0.pattern == .all }
            #expect(isAll || done.isSubset(of: Set(had.purges + got)))
        }
        // The second of two may have learned what the first does not know yet.
        _ = Self.exchange(&a, &b)
        #expect(a.digest == b.digest)
        #expect(a.purges == b.purges)
        #expect(a.purges.count <= PurgeLog.purgesMax)
    }

    @Test func theOldestAreForgotten() {
        let term = Self.term(1, 1)
        var log = Self.log(Self.purges(1...1_030, term))
        #expect(log.purges.count == PurgeLog.purgesMax)
        #expect(log.forgotten == Self.purges(6...6, term)[0])
        #expect(log.purges.first?.number == 7)
        // It may have been done, or not: it is done, and changes nothing.
        let digest = log.digest
        #expect(log.merge(Self.purges(2...2, term), forgotten: nil).count == 1)
        #expect(log.digest == digest)
        #expect(log.number(.all, term: term, nowMs: 0).number == 1_031)
    }

    /// Who was away for longer than others remember forgets everything; who was not, only what it missed.
    @Test(arguments: [(0, true), (5, true), (6, false), (1_000, false)]) func absences(_ known: UInt64, _ isAll: Bool) {
        let term = Self.term(1, 1)
        let source = Self.log(Self.purges(1...1_030, term))
        var log = Self.log(known == 0 ? [] : Self.purges(1...known, term))
        #expect(log.misses(source.forgotten) == isAll)
        let new = log.merge(source.purges, forgotten: source.forgotten)
        #expect(new.contains { $0.pattern == .all } == isAll)
        #expect(new.filter { $0.pattern != .all }.last?.number == 1_030)
        #expect(log.digest == source.digest)
        #expect(!log.misses(source.forgotten))
        // A third one is told as much as the first would have told it.
        #expect(PurgeLog().misses(log.forgotten))
        #expect(log.forgotten.map { $0 >= Self.purges(6...6, term)[0] } == true)
    }

    /// Newer purges of its own do not hide that it missed others' older ones.
    @Test func beyondAPartition() {
        let busy = Self.log(Self.purges(1...2_000, Self.term(2, 1)))
        var quiet = Self.log(Self.purges(1...1, Self.term(3, 2)))
        let new = quiet.merge(busy.purges, forgotten: busy.forgotten)
        #expect(new.first?.pattern == .all)
    }

    @Test func aForgottenOneAloneIsAgreedOn() {
        let purges = Self.purges(1...4, Self.term(1, 1))
        let short = PurgeLog([purges[3]], forgotten: purges[2])
        var log = Self.log(Array(purges[..<2]))
        _ = log.merge(short.purges, forgotten: short.forgotten)
        #expect(log.digest == short.digest)
        var old = PurgeLog([], forgotten: purges[2])
        #expect(old.number(.all, term: purges[2].term, nowMs: 0).number == 4)
    }

    @Test func numbersGrowWithTheClockAndWithoutIt() {
        var log = PurgeLog()
        let term = Self.term(1, 15)
        #expect([5, 5, 0, 9].map { log.number(.all, term: term, nowMs: $0).number } == [5, 6, 7, 9])
    }

    /// It leads by its old term, and is not taken to repeat itself.
    @Test func aLeaderThatLostItsDisk() {
        var (before, after, follower) = (PurgeLog(), PurgeLog(), PurgeLog())
        let term = Self.term(1, 15)
        let old = before.number(.image(1), term: term, nowMs: 1_000)
        #expect(follower.merge([old], forgotten: nil) == [old])
        let new = after.number(.image(1), term: term, nowMs: 1_200)
        #expect(follower.merge([new], forgotten: nil) == [new])
        #expect(follower.merge([old, new], forgotten: nil) == [])
    }
}
