import MusterCore
import Testing

@testable import MusterScheduling

@Suite("tasks that are not run again")
struct NoRerunTests {
    private static func bench(_ count: Int = 3) -> SchedulerBench {
        var bench = SchedulerBench()
        bench.add(1, count) { ($0.reruns, $0.mayCopy) = (false, false) }
        return bench
    }

    /// What was recorded as failed, by task.
    private static func failures(_ effects: [SchedulerEffect]) -> [Int: String] {
        SchedulerBench.writes(effects).reduce(into: [:]) { found, write in
            if case .addResults(let record) = write, case .failure(let reason) = record.outcome {
                found[record.first] = reason
            }
        }
    }

    @Test("each goes out alone, however short it is")
    func alone() {
        var bench = Self.bench(50)
        for _ in 0..<5 {
            let keys = bench.take(1, slots: 2)
            #expect(keys.map(\.count) == [1, 1])
            for key in keys { _ = bench.finish(SchedulerBench.report(key, seconds: 0.000_001)) }
        }
    }

    @Test("what is lost with its worker has failed; what was not begun goes on", arguments: [true, false])
    func lost(crashed: Bool) {
        var bench = Self.bench()
        let lost = bench.take(1)[0]
        #expect(Self.failures(bench.handle(.memberSuspected(MemberID(1)))).isEmpty)
        #expect(bench.take(2).map(\.first) == [1], "nobody is given what the other may still have")
        let effects = bench.settle(bench.handle(.memberGone(MemberID(1), crashed: crashed, wallClockMs: 0)))
        #expect(Self.failures(effects) == [lost.first: "its worker was lost, and it is not run again"])
        #expect(bench.take(3).map(\.first) == [2])
        #expect(bench.scheduler.counters.parked == 0)
        // Whatever comes of it later is not wanted.
        #expect(SchedulerBench.verdicts(bench.finish(SchedulerBench.report(lost))) == [.stale])
    }

    @Test("a worker that comes back brings what it had")
    func back() {
        var bench = Self.bench(1)
        let key = bench.take(1)[0]
        _ = bench.handle(.memberSuspected(MemberID(1)))
        _ = bench.handle(.memberReturned(MemberID(1)))
        let effects = bench.finish(SchedulerBench.report(key))
        #expect(SchedulerBench.verdicts(effects) == [.recorded(1)] && Self.failures(effects).isEmpty)
        #expect(effects.contains(.ended(JobID(1), .done)))
    }

    @Test("a lease that runs out is lost")
    func expired() {
        var bench = Self.bench(1)
        _ = bench.take(1)
        let effects = bench.settle(bench.pass(.seconds(16)))
        #expect(Self.failures(effects) == [0: "its worker gave no sign of it any more, and it is not run again"])
        #expect(effects.contains(.ended(JobID(1), .failed)))
    }

    @Test("what never reached its worker, and what it gives back, is run")
    func returned() {
        var bench = Self.bench(1)
        let key = bench.take(1)[0]
        _ = bench.handle(.grantUndelivered([key]))
        #expect(bench.take(2).map(\.first) == [0])
    }

    @Test("what the store refuses waits for its worker, and is nobody else's")
    func refused() {
        var bench = Self.bench(1)
        let key = bench.take(1)[0]
        let report = SchedulerBench.report(key)
        for commit in SchedulerBench.commits(bench.deliver(report)) {
            _ = bench.handle(.commitFailed(commit, reason: "full"))
        }
        #expect(bench.take(2).isEmpty)
        let effects = bench.finish(report)
        #expect(SchedulerBench.verdicts(effects) == [.recorded(1)] && effects.contains(.ended(JobID(1), .done)))
    }

    @Test("a loss that the store refuses is recorded later")
    func lossRefused() {
        var bench = Self.bench(1)
        _ = bench.take(1)
        for commit in SchedulerBench.commits(bench.handle(.memberGone(MemberID(1), crashed: true, wallClockMs: 0))) {
            _ = bench.handle(.commitFailed(commit, reason: "full"))
        }
        #expect(bench.take(2).isEmpty)
        #expect(Self.failures(bench.settle(bench.pass(.seconds(61)))).count == 1)
    }
}
