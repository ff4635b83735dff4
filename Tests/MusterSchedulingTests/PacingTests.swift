import MusterCore
import MusterSimulation
import Testing

@testable import MusterScheduling

/// Jobs whose starts lie apart.
@Suite struct StartDelayTests {
    private var bench = SchedulerBench()

    init() { bench.add(1, 10) { $0.startDelay = .seconds(2) } }

    @Test mutating func oneStartsAtATimeOverTheWholeFleet() {
        #expect(bench.take(1, slots: 3).map(\.count) == [1])
        #expect(bench.ask(2).isEmpty)
        #expect(bench.scheduler.nextPauseEnd == bench.now + .seconds(2))
        #expect(SchedulerBench.grants(bench.pass(.milliseconds(1_999))).isEmpty)
        bench.now = bench.now + .milliseconds(1)
        #expect(SchedulerBench.grants(bench.handle(.pauseEnded)).map(\.first) == [1])
        #expect(bench.ask(3).isEmpty)
        #expect(SchedulerBench.grants(bench.pass(.seconds(2))).map(\.first) == [2])
    }

    /// However short they are known to be, and after a loss.
    @Test mutating func everyStartIsWaitedFor() {
        let first = bench.take(1)[0]
        _ = bench.finish(SchedulerBench.report(first, seconds: 0.001))
        #expect(bench.ask(1).isEmpty)
        let next = SchedulerBench.grants(bench.pass(.seconds(2)))
        #expect(next.map(\.count) == [1])
        #expect(SchedulerBench.grants(bench.handle(.grantUndelivered(next))).isEmpty)
        #expect(bench.ask(2).isEmpty)
        #expect(SchedulerBench.grants(bench.pass(.seconds(2))).map(\.first) == [next[0].first])
    }

    @Test mutating func othersAreNotHeldUp() {
        _ = bench.take(1)
        bench.add(2, 3)
        #expect(bench.take(2).map(\.job) == [JobID(2)])
        #expect(bench.take(3).map(\.job) == [JobID(2)])
    }

    @Test mutating func votesAndDealtTasksStartApartToo() {
        bench = SchedulerBench()
        bench.add(1, 2) {
            $0.startDelay = .seconds(1)
            $0.quorum = Quorum("2/2")
        }
        #expect(bench.take(1).count == 1)
        #expect(bench.ask(2).isEmpty)
        #expect(SchedulerBench.grants(bench.pass(.seconds(1))).count == 1)
        bench = SchedulerBench()
        bench.add(1, 6, dealtTo: [1, 2]) { $0.startDelay = .seconds(1) }
        #expect(bench.take(1).map(\.count) == [1])
        #expect(bench.ask(2).isEmpty)
        #expect(SchedulerBench.grants(bench.pass(.seconds(1))).map(\.member) == [MemberID(2)])
    }

    @Test mutating func nothingIsLeftOfOneThatIsOver() {
        _ = bench.take(1)
        _ = bench.settle(bench.handle(.cancelAsked(JobID(1), wallClockMs: 0)))
        #expect(bench.scheduler.nextPauseEnd == nil)
        _ = bench.pass(.seconds(3))
        #expect(bench.scheduler.paused.isEmpty)
    }
}

/// Jobs of which nothing more is begun.
@Suite struct HaltTests {
    private var bench = SchedulerBench()
    private let held: LeaseKey

    /// A worker holds a batch of fifty.
    init() {
        bench.add(1, 1_000) { $0.mayCopy = false }
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0], seconds: 0.002))
        held = bench.take(1)[0]
    }

    private mutating func halt() -> [SchedulerEffect] { bench.handle(.haltAsked(JobID(1), wallClockMs: 5)) }

    private func ends(_ effects: [SchedulerEffect]) -> Bool {
        SchedulerBench.writes(effects).contains {
            if case .endJob(JobID(1), .cancelled, _) = $0 { true } else { false }
        }
    }

    private func report(_ count: Int) -> TaskReport {
        var report = SchedulerBench.report(
            LeaseKey(job: held.job, first: held.first, count: count, attempt: 1, member: held.member))
        (report.key, report.ticket) = (held, PlainSealer().seal(held))
        return report
    }

    @Test mutating func whatRunsMayEndAndCounts() {
        #expect(halt() == [.finish(MemberID(1), [held])])
        #expect(bench.scheduler.isHalting(JobID(1)))
        #expect(bench.ask(2).isEmpty && bench.pass(.seconds(1)).isEmpty)
        // Said again, it is told again.
        #expect(halt() == [.finish(MemberID(1), [held])])
        #expect(bench.handle(.returned(MemberID(1), [ReturnedTasks(key: held, from: held.first + 3)])).isEmpty)
        let effects = bench.finish(report(3))
        #expect(SchedulerBench.verdicts(effects) == [.recorded(3)])
        #expect(bench.scheduler.progress(of: JobID(1))?.done == 4)
        let end = bench.pass(.milliseconds(100))
        #expect(ends(end))
        #expect(bench.settle(end).contains(.ended(JobID(1), .cancelled)))
        #expect(bench.pass(.seconds(1)).isEmpty && bench.scheduler.halting.isEmpty)
    }

    @Test mutating func oneThatHoldsNothingEndsAtOnce() {
        _ = bench.handle(.grantUndelivered([held]))
        #expect(ends(halt()))
    }

    @Test mutating func whatIsLostIsNotBegunAgain() {
        _ = halt()
        _ = bench.handle(.memberGone(MemberID(1), crashed: false, wallClockMs: 0))
        #expect(bench.ask(2).isEmpty)
        #expect(ends(bench.pass(.milliseconds(100))))
    }

    @Test mutating func oneThatIsCompleteAllTheSameIsDone() {
        bench = SchedulerBench()
        bench.add(1, 1)
        let key = bench.take(1)[0]
        _ = halt()
        #expect(bench.finish(SchedulerBench.report(key)).contains(.ended(JobID(1), .done)))
        #expect(halt().isEmpty && bench.handle(.haltAsked(JobID(9), wallClockMs: 0)).isEmpty)
    }

    @Test mutating func anEndThatTheStoreRefusesIsTriedAgain() {
        _ = bench.handle(.grantUndelivered([held]))
        let commit = SchedulerBench.commits(halt())[0]
        _ = bench.handle(.commitFailed(commit, reason: "full"))
        #expect(bench.ask(2).isEmpty)
        #expect(ends(bench.pass(.milliseconds(100))))
    }
}
