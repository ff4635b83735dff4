import MusterCore
import MusterSimulation
import Testing

@testable import MusterScheduling

@Suite("scheduler")
struct SchedulerTests {
    @Test("tasks go out one by one until one is measured, then as many as fill the batch time")
    func batchesAdapt() {
        var bench = SchedulerBench()
        bench.add(1, 100_000)
        let first = bench.take(1)
        #expect(first.map(\.count) == [1])
        #expect(bench.take(2).map(\.count) == [1])
        _ = bench.finish(SchedulerBench.report(first[0], seconds: 0.001))
        #expect(bench.take(1).map(\.count) == [100])
        var quick = SchedulerBench()
        quick.add(1, 1_000_000)
        _ = quick.finish(SchedulerBench.report(quick.take(1)[0]))
        #expect(quick.take(1).map(\.count) == [10_000])
    }

    @Test("near the end batches shrink to a share, but not below what is worth a trip")
    func batchesShrink() {
        var bench = SchedulerBench()
        bench.add(1, 101)
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0], seconds: 0.001))
        // A hundred left, two workers known: a quarter of it. Then less and less, down to two (2 ms of work).
        _ = bench.take(2)
        var sizes: [Int] = []
        while let key = bench.take(Int64(1 + sizes.count % 2)).first { sizes.append(key.count) }
        #expect(sizes == sizes.sorted(by: >))
        #expect(sizes.dropLast().allSatisfy { $0 >= 2 })
        #expect(bench.scheduler.waitingTaskCount == 0)
    }

    @Test("interactive work goes before batch work, and jobs of one priority take turns")
    func turns() {
        var bench = SchedulerBench()
        bench.add(1, 10)
        bench.add(2, 10)
        bench.add(3, 2, .interactive)
        let order = (1...8).map { bench.take($0)[0].job.rawValue }
        #expect(order == [3, 3, 1, 2, 1, 2, 1, 2])
    }

    @Test("a held call is served when work comes, the longest held first, and only for kernels it has")
    func heldCalls() {
        var bench = SchedulerBench()
        #expect(bench.ask(1, kernels: ["other"]).isEmpty)
        #expect(bench.ask(2).isEmpty)
        #expect(bench.ask(3).isEmpty)
        let grants = SchedulerBench.grants(bench.add(1, 1))
        #expect(grants.map(\.member) == [MemberID(2)])
        #expect(SchedulerBench.grants(bench.add(2, 5)).map(\.member) == [MemberID(3)])
        #expect(bench.scheduler.heldCallCount == 1)
    }

    @Test("the last results and the job's end are one commit; the answer comes after it")
    func lastCommit() {
        var bench = SchedulerBench()
        bench.add(1, 1)
        let delivered = bench.deliver(SchedulerBench.report(bench.take(1)[0]))
        #expect(SchedulerBench.verdicts(delivered).isEmpty)
        let writes = SchedulerBench.writes(delivered)
        #expect(writes.count == 2)
        #expect(writes.last == .endJob(JobID(1), .done, endedMs: 0))
        let settled = bench.settle(delivered)
        #expect(SchedulerBench.verdicts(settled) == [.recorded(1)])
        #expect(settled.contains(.ended(JobID(1), .done)))
        #expect(bench.scheduler.unfinishedJobs.isEmpty)
    }

    @Test("a failed task is tried again, so often as its job says, then recorded as failed")
    func retries() {
        var bench = SchedulerBench()
        bench.add(1, 1, attempts: 3)
        for attempt in 1...3 {
            let key = bench.take(1)[0]
            #expect(key.attempt == attempt)
            let effects = bench.finish(SchedulerBench.report(key, failing: [0]))
            #expect(SchedulerBench.verdicts(effects) == [.recorded(attempt == 3 ? 1 : 0)])
            #expect(effects.contains(.ended(JobID(1), .failed)) == (attempt == 3))
        }
    }

    @Test("a failure inside a batch sends only that task back")
    func partialFailure() {
        var bench = SchedulerBench()
        bench.add(1, 101)
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0]))
        let key = bench.take(1)[0]
        let effects = bench.finish(SchedulerBench.report(key, failing: [50]))
        #expect(SchedulerBench.verdicts(effects) == [.recorded(key.count - 1)])
        let again = bench.take(1)[0]
        #expect(again.tasks == 50..<51)
        #expect(again.attempt == 2)
    }

    @Test("what the store refuses is in line again, and the worker is told to keep it")
    func commitFails() {
        var bench = SchedulerBench()
        bench.add(1, 1)
        let key = bench.take(1)[0]
        let delivered = bench.deliver(SchedulerBench.report(key))
        let failed = bench.handle(.commitFailed(SchedulerBench.commits(delivered)[0], reason: "disk full"))
        #expect(SchedulerBench.verdicts(failed) == [.again("disk full")])
        // Either comes first: the same report again, or another attempt.
        let settled = bench.finish(SchedulerBench.report(key))
        #expect(SchedulerBench.verdicts(settled) == [.recorded(1)])
        #expect(settled.contains(.ended(JobID(1), .done)))
    }

    @Test("an end that the store refused is tried again at the next tick")
    func endIsRetried() {
        var bench = SchedulerBench()
        let effects = bench.add(1, 3, recorded: RangeSet(0..<3))
        #expect(SchedulerBench.writes(effects) == [.endJob(JobID(1), .done, endedMs: 0)])
        #expect(bench.handle(.commitFailed(SchedulerBench.commits(effects)[0], reason: "full")).isEmpty)
        #expect(bench.settle(bench.pass(.milliseconds(100))).contains(.ended(JobID(1), .done)))
    }

    @Test("two results for one task: the second is stale; while the first is stored it is asked for again")
    func duplicates() {
        var bench = SchedulerBench()
        bench.add(1, 2)
        let key = bench.take(1)[0]
        let first = bench.deliver(SchedulerBench.report(key))
        let second = bench.deliver(SchedulerBench.report(key))
        #expect(SchedulerBench.verdicts(second).contains { if case .again = $0 { true } else { false } })
        #expect(SchedulerBench.verdicts(bench.settle(first)) == [.recorded(1)])
        #expect(SchedulerBench.verdicts(bench.deliver(SchedulerBench.report(key))) == [.stale])
    }

    @Test("a late result counts: after its lease ended, and after a restart that forgot it")
    func lateResults() {
        var bench = SchedulerBench()
        bench.add(1, 2)
        let key = bench.take(1)[0]
        _ = bench.pass(.seconds(16))
        #expect(bench.scheduler.leasedTaskCount == 0)
        #expect(SchedulerBench.verdicts(bench.finish(SchedulerBench.report(key))) == [.recorded(1)])
        var restarted = SchedulerBench()
        restarted.add(1, 2)
        #expect(SchedulerBench.verdicts(restarted.finish(SchedulerBench.report(key))) == [.recorded(1)])
        let next = restarted.take(1)
        #expect(next.map(\.tasks) == [1..<2])
    }

    @Test("forged reports change nothing")
    func forged() {
        var bench = SchedulerBench()
        bench.add(1, 10)
        let key = bench.take(1)[0]
        var wrongTicket = SchedulerBench.report(key)
        wrongTicket.ticket = "x"
        var stretched = key
        stretched.count = 5
        var stretchedReport = SchedulerBench.report(stretched)
        stretchedReport.ticket = PlainSealer().seal(key)
        var outside = SchedulerBench.report(key)
        outside.start += 1
        var short = SchedulerBench.report(key)
        short.seconds = LineColumn()
        for report in [wrongTicket, stretchedReport, outside, short] {
            #expect(SchedulerBench.verdicts(bench.deliver(report)) == [.forged])
        }
        #expect(SchedulerBench.verdicts(bench.deliver(SchedulerBench.report(key), from: 2)) == [.forged])
        #expect(bench.scheduler.counters.forged == 5)
        #expect(bench.scheduler.counters.recorded == 0)
    }

    @Test("a cancelled job grants nothing, revokes what is out, records nothing more")
    func cancel() {
        var bench = SchedulerBench()
        bench.add(1, 10)
        let key = bench.take(1)[0]
        _ = bench.pass(.milliseconds(7))
        let effects = bench.handle(.cancelAsked(JobID(1), wallClockMs: 99))
        #expect(effects.first == .revoke(MemberID(1), [key]))
        #expect(SchedulerBench.writes(effects) == [.endJob(JobID(1), .cancelled, endedMs: 7)])
        #expect(bench.take(2).isEmpty)
        #expect(SchedulerBench.verdicts(bench.deliver(SchedulerBench.report(key))) == [.stale])
        #expect(bench.settle(effects).contains(.ended(JobID(1), .cancelled)))
        #expect(SchedulerBench.verdicts(bench.deliver(SchedulerBench.report(key))) == [.stale])
    }

    @Test("a cancel that cannot be stored is undone: every task is in line again")
    func cancelFails() {
        var bench = SchedulerBench()
        bench.add(1, 3)
        _ = bench.take(1)
        let effects = bench.handle(.cancelAsked(JobID(1), wallClockMs: 0))
        let failed = bench.handle(.commitFailed(SchedulerBench.commits(effects)[0], reason: "full"))
        #expect(failed.contains(.cancelFailed(JobID(1), reason: "full")))
        var tasks: [Int] = []
        while let key = bench.take(2).first { tasks += Array(key.tasks) }
        #expect(tasks.sorted() == [0, 1, 2])
    }

    @Test("leases without a sign of life end; a renewal holds them")
    func renewals() {
        var bench = SchedulerBench()
        bench.add(1, 2)
        let (kept, lost) = (bench.take(1)[0], bench.take(2)[0])
        _ = bench.pass(.seconds(10))
        #expect(bench.handle(.renewed(MemberID(1), [kept])).isEmpty)
        _ = bench.pass(.seconds(6))
        #expect(bench.take(3).map(\.tasks) == [lost.tasks])
        #expect(bench.scheduler.counters.expired == 1)
        // A member cannot renew another's; what has a result elsewhere is revoked.
        _ = bench.handle(.renewed(MemberID(9), [kept]))
        _ = bench.pass(.seconds(10))
        #expect(bench.take(4).map(\.tasks) == [kept.tasks])
    }

    @Test("what a suspect held goes first in line, its calls are dismissed")
    func suspects() {
        var bench = SchedulerBench()
        bench.add(1, 3)
        let key = bench.take(1, slots: 1)[0]
        _ = bench.take(2, slots: 2)
        #expect(bench.ask(1).isEmpty)
        let effects = bench.handle(.memberSuspected(MemberID(1)))
        #expect(effects.contains { if case .dismiss = $0 { true } else { false } })
        let again = bench.take(3)[0]
        #expect(again.tasks == key.tasks)
        #expect(again.attempt == 2)
    }

    @Test("near the end an idle worker gets a copy of a lease that takes too long")
    func stragglers() {
        var bench = SchedulerBench()
        bench.add(1, 2)
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0], seconds: 0.01))
        let slow = bench.take(1)[0]
        #expect(bench.ask(2).isEmpty)
        #expect(SchedulerBench.grants(bench.pass(.milliseconds(400))).isEmpty)
        let copy = SchedulerBench.grants(bench.pass(.milliseconds(200)))
        #expect(copy.map(\.tasks) == [slow.tasks])
        #expect(copy.map(\.member) == [MemberID(2)])
        let effects = bench.finish(SchedulerBench.report(copy[0]))
        #expect(effects.contains(.ended(JobID(1), .done)))
        #expect(effects.contains(.revoke(MemberID(1), [slow])))
    }

    @Test("a task that kills its workers is isolated and parked; its neighbours are computed")
    func poison() {
        var bench = SchedulerBench()
        bench.add(1, 1_001)
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0]))
        let poison = 700
        var (member, deaths, rounds) = (Int64(10), 0, 0)
        while bench.scheduler.unfinishedJobs == [JobID(1)], rounds < 10_000 {
            rounds += 1
            guard let key = bench.take(member).first else {
                _ = bench.pass(.milliseconds(100))
                continue
            }
            if key.tasks.contains(poison) {
                deaths += 1
                _ = bench.handle(.memberSuspected(key.member))
                _ = bench.settle(bench.handle(.memberGone(key.member, crashed: true, wallClockMs: 0)))
                member += 1
            } else {
                _ = bench.finish(SchedulerBench.report(key))
            }
        }
        #expect(deaths == 3)
        #expect(bench.scheduler.counters.parked == 1)
        #expect(bench.scheduler.counters.recorded == 1_000)
        #expect(bench.scheduler.counters.failed == 1)
    }

    @Test("silence is nobody's fault: a task whose workers went silent is never parked")
    func silence() {
        var bench = SchedulerBench()
        bench.add(1, 1)
        for member in Int64(1)...20 {
            #expect(bench.take(member).count == 1)
            _ = bench.handle(.memberGone(MemberID(member), crashed: false, wallClockMs: 0))
        }
        #expect(bench.scheduler.counters.parked == 0)
    }

    @Test("a hundred million tasks in line are a handful of ranges")
    func hugeJob() {
        var bench = SchedulerBench()
        bench.add(1, Limits.jobTasksMax)
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0]))
        for _ in 0..<2_000 { _ = bench.finish(SchedulerBench.report(bench.take(1)[0])) }
        #expect(bench.scheduler.progress(of: JobID(1))?.done == 2_000 * 10_000 + 1)
        #expect(bench.scheduler.waitingTaskCount == Limits.jobTasksMax - 2_000 * 10_000 - 1)
    }
}
