import MusterCore
import Testing

@testable import MusterScheduling

@Suite("what failed, and what a worker cannot run")
struct RetryTests {
    private typealias Bench = SchedulerBench

    /// Two workers that are known, and a job whose one task failed at the first.
    private func failedAtFirst(_ change: (inout JobRecord) -> Void = { _ in }) -> SchedulerBench {
        var bench = Bench()
        _ = bench.take(1)
        _ = bench.take(2)
        _ = bench.handle(.callEnded(LeaseCallID(1)))
        _ = bench.handle(.callEnded(LeaseCallID(2)))
        bench.add(1, 1) { change(&$0) }
        _ = bench.finish(Bench.report(bench.take(1)[0], failing: [0]))
        return bench
    }

    @Test("a rest doubles from the first on, up to a bound; a part up to a half is left to chance")
    func rests() {
        var random = SystemRandomNumberGenerator()
        for (failures, seconds) in [(1, 1.0), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (1_000, 60)] {
            for _ in 0..<100 {
                let rest = Backoff.retry(after: failures, base: .seconds(1), cap: .seconds(60), using: &random)
                #expect((seconds / 2...seconds).contains(rest.inSeconds))
            }
        }
        let long = Backoff.retry(after: 5, base: .seconds(600), cap: .seconds(60), using: &random)
        #expect((300...600).contains(long.inSeconds))
        #expect(Backoff.retry(after: 9, base: .zero, cap: .seconds(60), using: &random) == .zero)
    }

    @Test("a failed task rests, longer each time, before it is granted again")
    func failedTasksRest() {
        var bench = Bench()
        bench.add(1, 1) { $0.retryDelay = .seconds(1) }
        for rest in [1.0, 2, 4, 8] {
            _ = bench.finish(Bench.report(bench.take(1)[0], failing: [0]))
            _ = bench.pass(Duration(seconds: rest * 0.45))
            #expect(bench.ask(1).isEmpty)
            let granted = Bench.grants(bench.pass(Duration(seconds: rest * 0.6 + 0.1)))
            #expect(granted.count == 1)
            _ = bench.handle(.grantUndelivered(granted))
        }
        #expect(bench.scheduler.counters.retried == 4)
    }

    @Test("the same dice give the same rests")
    func restsAreDeterministic() {
        func ends(_ seed: UInt64) -> [Duration] {
            var dice = Seeded(state: seed)
            return (1...20).map { Backoff.retry(after: $0, base: .seconds(1), cap: .seconds(60), using: &dice) }
        }
        #expect(ends(7) == ends(7))
        #expect(ends(7) != ends(8))
    }

    @Test("a failed task goes to another worker first")
    func elsewhereFirst() {
        var bench = failedAtFirst()
        #expect(bench.take(1).isEmpty)
        #expect(bench.take(2).map(\.attempt) == [2])
    }

    @Test("a failed task comes back to its worker where no other is, or none has come for it")
    func nowhereElse() {
        var alone = Bench()
        alone.add(1, 1)
        _ = alone.finish(Bench.report(alone.take(1)[0], failing: [0]))
        #expect(alone.take(1).map(\.attempt) == [2])
        var left = failedAtFirst()
        _ = left.handle(.memberGone(MemberID(2), crashed: false, wallClockMs: 0))
        #expect(left.take(1).map(\.attempt) == [2])
        var busy = failedAtFirst()
        #expect(busy.ask(1).isEmpty)
        #expect(Bench.grants(busy.pass(.seconds(29))).isEmpty)
        #expect(Bench.grants(busy.pass(.seconds(2))).map(\.attempt) == [2])
    }

    @Test("what failed at one worker keeps it from nothing else, and the job's other tasks go on")
    func othersGoOn() {
        var bench = Bench()
        _ = bench.take(2)
        _ = bench.handle(.callEnded(LeaseCallID(1)))
        bench.add(1, 2)
        bench.add(2, 1)
        _ = bench.finish(Bench.report(bench.take(1)[0], failing: [0]))
        #expect(bench.take(1).map(\.job) == [JobID(2)])
        #expect(bench.take(1).map(\.tasks) == [1..<2])
        #expect(bench.take(1).isEmpty)
        #expect(bench.take(2).map(\.tasks) == [0..<1])
    }

    @Test("a dealt task that failed is dealt to another")
    func dealtTasks() {
        var bench = Bench()
        bench.add(1, 2, dealtTo: [1, 2])
        let first = bench.take(1)[0]
        _ = bench.finish(Bench.report(first, failing: Array(first.tasks)))
        #expect(bench.take(1).isEmpty)
        var granted: [Int] = []
        while let key = bench.take(2).first { granted += Array(key.tasks) }
        #expect(granted.sorted() == [0, 1])
    }

    // MARK: Workers' own faults

    @Test("what a worker cannot run uses up no attempt, and it gets no more of that job for a while")
    func ownFaults() {
        var bench = Bench()
        _ = bench.take(2)
        _ = bench.handle(.callEnded(LeaseCallID(1)))
        bench.add(1, 3, attempts: 1)
        let key = bench.take(1)[0]
        let effects = bench.finish(Bench.report(key, failing: [0], isOwnFault: true))
        #expect(effects.contains(.refused(JobID(1), MemberID(1), reason: "no")))
        #expect(Bench.verdicts(effects) == [.recorded(0)])
        #expect(bench.ask(1).isEmpty)
        bench.add(2, 1)
        #expect(bench.scheduler.trouble(of: JobID(1))?.contains("no") == true)
        while let next = bench.take(2).first {
            if next.job == JobID(1) { #expect(next.tasks != 0..<1 || next.attempt == 2) }
            _ = bench.finish(Bench.report(next))
        }
        #expect(bench.scheduler.unfinishedJobs == [JobID(2)])
        #expect(bench.scheduler.counters.failed == 0)
    }

    @Test("a worker that could not run a job is asked again after a while")
    func refusalsEnd() {
        var bench = Bench()
        _ = bench.take(2)
        _ = bench.handle(.callEnded(LeaseCallID(1)))
        bench.add(1, 3)
        _ = bench.finish(Bench.report(bench.take(1)[0], failing: [0], isOwnFault: true))
        #expect(bench.ask(1).isEmpty)
        #expect(Bench.grants(bench.pass(.seconds(29))).isEmpty)
        #expect(Bench.grants(bench.pass(.seconds(2))).map(\.member) == [MemberID(1)])
    }

    @Test("what no worker can run fails after some tries, with the reason")
    func faultsEverywhere() {
        var bench = Bench()
        bench.add(1, 1, attempts: 1) { $0.retryDelay = .seconds(1) }
        var (tries, effects) = (0, [SchedulerEffect]())
        while bench.scheduler.unfinishedJobs == [JobID(1)], tries < 100 {
            guard let key = bench.take(1).first else {
                _ = bench.handle(.callEnded(LeaseCallID(bench.calls)))
                _ = bench.pass(.milliseconds(100))
                continue
            }
            tries += 1
            effects = bench.finish(Bench.report(key, failing: [0], isOwnFault: true))
        }
        #expect(tries == Limits.faultsMax)
        #expect(effects.contains(.ended(JobID(1), .failed)))
    }

    @Test("what was dealt to a worker that cannot run it is dealt to the others")
    func dealtFaults() {
        var bench = Bench()
        _ = bench.take(2)
        _ = bench.handle(.callEnded(LeaseCallID(1)))
        bench.add(1, 4, dealtTo: [1, 2])
        let first = bench.take(1)[0]
        _ = bench.finish(Bench.report(first, failing: Array(first.tasks), isOwnFault: true))
        #expect(bench.ask(1).isEmpty)
        var granted: [Int] = []
        while let key = bench.take(2).first { granted += Array(key.tasks) }
        #expect(granted.sorted() == [0, 1, 2, 3])
    }

    // MARK: Copies

    /// A job of one task, held by worker 1 and, as a copy, by worker 2.
    private func copied(attempts: Int = 1) -> (bench: SchedulerBench, original: LeaseKey, copy: LeaseKey) {
        var bench = Bench()
        bench.add(1, 2, attempts: attempts)
        _ = bench.finish(Bench.report(bench.take(1)[0], seconds: 0.01))
        let original = bench.take(1)[0]
        _ = bench.ask(2)
        let copy = Bench.grants(bench.pass(.seconds(1)))[0]
        return (bench, original, copy)
    }

    @Test("a copy that fails ends the copy only, whoever is to blame")
    func failingCopy() {
        for isOwnFault in [false, true] {
            var (bench, original, copy) = copied()
            let failed = bench.finish(Bench.report(copy, failing: [1], isOwnFault: isOwnFault))
            #expect(Bench.verdicts(failed) == [.recorded(0)])
            #expect(Bench.grants(bench.ask(3) + bench.pass(.seconds(2))).isEmpty)
            let effects = bench.finish(Bench.report(original))
            #expect(effects.contains(.ended(JobID(1), .done)))
        }
    }

    @Test("an original that fails leaves its task to the copy, which is the last to fail it")
    func failingOriginal() {
        var (bench, original, copy) = copied()
        #expect(Bench.verdicts(bench.finish(Bench.report(original, failing: [1]))) == [.recorded(0)])
        #expect(bench.scheduler.unfinishedJobs == [JobID(1)])
        var succeeding = bench
        #expect(succeeding.finish(Bench.report(copy)).contains(.ended(JobID(1), .done)))
        #expect(bench.finish(Bench.report(copy, failing: [1])).contains(.ended(JobID(1), .failed)))
    }

    @Test("a copy that is lost with its worker is not in line while the original goes on, and may be made again")
    func lostCopy() {
        var (bench, original, copy) = copied()
        _ = bench.handle(.memberGone(copy.member, crashed: false, wallClockMs: 0))
        let again = Bench.grants(bench.ask(3) + bench.pass(.milliseconds(100)))
        #expect(again.map(\.attempt) == [original.attempt + 2])
        _ = bench.handle(.memberGone(original.member, crashed: false, wallClockMs: 0))
        #expect(bench.take(4).isEmpty)
        let last = Bench.grants(bench.handle(.memberGone(MemberID(3), crashed: false, wallClockMs: 0)))
        #expect(last.map(\.member) == [MemberID(4)])
        #expect(last.map(\.attempt) == [original.attempt + 3])
    }

    @Test("a job that does not want copies has none")
    func noCopies() {
        var bench = Bench()
        bench.add(1, 2) { $0.mayCopy = false }
        _ = bench.finish(Bench.report(bench.take(1)[0], seconds: 0.01))
        _ = bench.take(1)
        _ = bench.ask(2)
        #expect(Bench.grants(bench.pass(.seconds(10))).isEmpty)
    }

    // MARK: Time

    @Test("only successes are measured")
    func failuresAreNotMeasured() {
        var bench = Bench()
        bench.add(1, 100_000)
        _ = bench.finish(Bench.report(bench.take(1)[0], failing: [0], seconds: 60))
        #expect(bench.take(1).map(\.count) == [1])
        bench = Bench()
        bench.add(1, 1_000_000)
        _ = bench.finish(Bench.report(bench.take(1)[0], seconds: 0.01))
        var report = Bench.report(bench.take(1)[0], failing: [1], seconds: 60.09)
        #expect(report.values.count == 10)
        report.seconds = LineColumn(lines: Array(("60\n" + String(repeating: "0.01\n", count: 9)).utf8))
        _ = bench.finish(report)
        // The failed task by itself, then as many as take the batch time, rounding aside.
        #expect(bench.take(1).map(\.count) == [1])
        #expect(bench.take(1)[0].count >= 9)
    }

    @Test("a job's end is told by the monotonic clock, whatever the wall clock says")
    func endsByTheMonotonicClock() {
        var bench = Bench()
        bench.add(1, 1) { $0.createdMs = 1_000_000 }
        let key = bench.take(1)[0]
        _ = bench.pass(.milliseconds(2_500))
        _ = bench.handle(.ticked(wallClockMs: 99_000_000))
        #expect(bench.scheduler.elapsed(of: JobID(1), at: bench.now) == .milliseconds(2_500))
        let writes = Bench.writes(bench.finish(Bench.report(key)))
        #expect(writes.contains(.endJob(JobID(1), .done, endedMs: 1_002_500)))
    }

    // MARK: Bounds and departures

    @Test("of a job with a bound no more batches are out than that, and the next follows at once")
    func atMost() {
        var bench = Bench()
        bench.add(1, 10) { $0.atMost = 2 }
        let out = bench.take(1, slots: 2)
        #expect(out.count == 2)
        #expect(bench.ask(2, slots: 3).isEmpty)
        bench.add(2, 1)
        #expect(bench.take(3).map(\.job) == [])
        let next = Bench.grants(bench.finish(Bench.report(out[0])))
        #expect(next.map(\.job) == [JobID(1)])
        // A lost lease makes room, too.
        _ = bench.handle(.grantUndelivered([out[1]]))
        #expect(bench.take(4).count == 1)
        #expect(bench.take(5).isEmpty)
    }

    @Test("a bound holds for copies and votes")
    func atMostEverywhere() {
        var bench = Bench()
        bench.add(1, 2) { $0.atMost = 1 }
        _ = bench.finish(Bench.report(bench.take(1)[0], seconds: 0.01))
        #expect(bench.take(1).count == 1)
        _ = bench.ask(2)
        #expect(Bench.grants(bench.pass(.seconds(10))).isEmpty)
        bench = Bench()
        bench.add(1, 2) {
            $0.atMost = 1
            $0.quorum = Quorum("2/2")
        }
        let first = bench.take(1)
        #expect(first.count == 1)
        #expect(bench.ask(2).isEmpty)
        #expect(Bench.grants(bench.finish(Bench.report(first[0]))).map(\.member) == [MemberID(2)])
    }

    @Test("a worker that drains is granted nothing, and what was dealt to it goes to others")
    func draining() {
        var bench = Bench()
        bench.add(1, 10, dealtTo: [1, 2])
        let held = bench.take(1)
        #expect(held.count == 1)
        _ = bench.handle(.memberDraining(MemberID(1)))
        #expect(bench.scheduler.isDraining(MemberID(1)))
        #expect(bench.ask(1).isEmpty)
        let late = bench.handle(.memberDraining(MemberID(1)))
        #expect(late.contains { if case .dismiss = $0 { true } else { false } })
        var granted = Array(held[0].tasks)
        while let key = bench.take(2).first {
            granted += Array(key.tasks)
            _ = bench.finish(Bench.report(key))
        }
        #expect(granted.sorted() == Array(0..<10))
        #expect(bench.finish(Bench.report(held[0])).contains(.ended(JobID(1), .done)))
        _ = bench.handle(.memberGone(MemberID(1), crashed: false, wallClockMs: 0))
        #expect(!bench.scheduler.isDraining(MemberID(1)))
    }

    @Test("tasks that run and tasks that rest can be looked at")
    func places() {
        var bench = Bench()
        bench.add(1, 3) { $0.retryDelay = .seconds(10) }
        let keys = bench.take(1, slots: 2)
        _ = bench.finish(Bench.report(keys[0], failing: [0]))
        let running = bench.scheduler.tasks(of: JobID(1), from: 0, isRunning: true, atMost: 10)
        #expect(running.map(\.tasks) == [1..<2])
        #expect(running.map(\.member) == [MemberID(1)])
        let resting = bench.scheduler.tasks(of: JobID(1), from: 0, isRunning: false, atMost: 10)
        #expect(resting.map(\.tasks) == [0..<1])
        #expect(resting[0].attempt == 2)
        #expect(resting[0].until != nil)
    }
}

/// Dice that anybody can throw again: a linear congruential generator.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}
