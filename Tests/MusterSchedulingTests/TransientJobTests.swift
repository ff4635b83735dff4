import MusterCore
import Testing

@testable import MusterScheduling

@Suite("transient jobs")
struct TransientJobTests {
    private static func added(_ bench: inout SchedulerBench, count: Int, horizon: Int) {
        _ = bench.handle(.transientAdded(SchedulerBench.record(9, count, .interactive), horizon: horizon))
    }

    /// A report of all the lease's tasks, each with these bytes.
    private static func report(_ key: LeaseKey, _ bytes: [UInt8] = [1, 2]) -> TaskReport {
        var report = SchedulerBench.report(key, seconds: 0.2)
        report.blobs = key.tasks.map { _ in bytes[...] }
        return report
    }

    private static func produced(_ effects: [SchedulerEffect]) -> [Int] {
        effects.flatMap { effect -> [Int] in
            if case .produced(_, let results) = effect { results.map(\.task) } else { [] }
        }
    }

    @Test("nothing beyond the horizon is granted, and it moves forward only")
    func horizon() {
        var bench = SchedulerBench()
        Self.added(&bench, count: 10, horizon: 2)
        #expect([bench.take(1), bench.take(2), bench.take(3)].map(\.count) == [1, 1, 0])
        #expect(SchedulerBench.grants(bench.handle(.horizonMoved(JobID(9), to: 3))).map(\.first) == [2])
        #expect(bench.handle(.horizonMoved(JobID(9), to: 1)).isEmpty)
        _ = bench.handle(.horizonMoved(JobID(9), to: 99))
        #expect(bench.take(4).map(\.first) == [3])
        #expect(bench.handle(.horizonMoved(JobID(8), to: 3)).isEmpty)
    }

    @Test("results are handed on at once, each task's once, and nothing is stored; the last one ends the job")
    func handedOn() {
        var bench = SchedulerBench()
        Self.added(&bench, count: 2, horizon: 2)
        let keys = [bench.take(1)[0], bench.take(2)[0]]
        let second = bench.finish(Self.report(keys[1]))
        #expect(Self.produced(second) == [1])
        #expect(second.contains { if case .answer(_, [.recorded(1)]) = $0 { true } else { false } })
        #expect(Self.produced(bench.finish(Self.report(keys[1]))).isEmpty)
        let first = bench.finish(Self.report(keys[0]))
        #expect(Self.produced(first) == [0])
        #expect(first.contains(.ended(JobID(9), .done)))
        #expect(!(second + first).contains { if case .commit = $0 { true } else { false } })
        #expect(bench.scheduler.unfinishedJobs.isEmpty)
    }

    @Test("bytes for a stored job, and lines for a transient one, are no results of theirs")
    func mixedUp() {
        var bench = SchedulerBench()
        Self.added(&bench, count: 1, horizon: 1)
        let transient = bench.take(1)[0]
        bench.add(1, 1)
        let stored = bench.take(2)[0]
        #expect(bench.finish(SchedulerBench.report(transient)).contains(where: Self.isForged))
        #expect(bench.finish(Self.report(stored)).contains(where: Self.isForged))
    }

    private static func isForged(_ effect: SchedulerEffect) -> Bool {
        if case .answer(_, [.forged]) = effect { true } else { false }
    }

    @Test("a cancel ends it at once and revokes what is out; what comes late is stale")
    func cancelled() {
        var bench = SchedulerBench()
        Self.added(&bench, count: 5, horizon: 5)
        let key = bench.take(1)[0]
        let effects = bench.handle(.cancelAsked(JobID(9), wallClockMs: 0))
        #expect(effects == [.revoke(MemberID(1), [key]), .ended(JobID(9), .cancelled)])
        #expect(Self.produced(bench.finish(Self.report(key))).isEmpty)
        #expect(bench.take(1).isEmpty)
    }

    @Test("a task that fails for good is handed on as failed")
    func failing() {
        var bench = SchedulerBench()
        _ = bench.handle(.transientAdded(SchedulerBench.record(9, 1, .interactive, attempts: 1), horizon: 1))
        var report = Self.report(bench.take(1)[0], [])
        report.failures = [.init(task: 0, reason: "no luck")]
        let effects = bench.finish(report)
        let failed = TransientResult(task: 0, outcome: .failure("no luck"), worker: "w1")
        #expect(effects.contains(.produced(JobID(9), [failed])))
        #expect(effects.contains(.ended(JobID(9), .failed)))
    }

    @Test("each result says who made it")
    func makers() {
        var bench = SchedulerBench()
        Self.added(&bench, count: 2, horizon: 2)
        let keys = [bench.take(1)[0], bench.take(2)[0]]
        let made = keys.reversed().flatMap { bench.finish(Self.report($0)) }.flatMap { effect -> [TransientResult] in
            if case .produced(_, let results) = effect { results } else { [] }
        }
        #expect(made.map(\.task) == [1, 0] && made.map(\.worker) == ["w2", "w1"])
    }

    @Test("what a lost worker held is granted again, within the horizon too")
    func lost() {
        var bench = SchedulerBench()
        Self.added(&bench, count: 4, horizon: 1)
        let key = bench.take(1)[0]
        #expect(bench.ask(2).isEmpty)
        let grants = SchedulerBench.grants(bench.handle(.memberSuspected(MemberID(1))))
        #expect(grants.map(\.first) == [0] && grants[0].attempt == key.attempt + 1)
    }
}
