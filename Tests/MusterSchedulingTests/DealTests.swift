import MusterCore
import Testing

@testable import MusterScheduling

@Suite("jobs that are dealt")
struct DealTests {
    /// Lets the members ask in turn, one batch at a time, until nobody gets any more; tasks by member.
    private func computeAll(_ bench: inout SchedulerBench, _ members: [Int64]) -> [Int64: [Int]] {
        var tasks: [Int64: [Int]] = [:]
        var isIdle = false
        while !isIdle {
            isIdle = true
            for member in members {
                for key in bench.take(member) {
                    isIdle = false
                    tasks[member, default: []] += key.tasks
                    _ = bench.finish(SchedulerBench.report(key))
                }
            }
        }
        return tasks
    }

    struct Case: Sendable {
        var count: Int
        var workers: Int
        var block: Int
    }

    @Test(
        "tasks go round the workers block by block",
        arguments: [
            Case(count: 1, workers: 1, block: 1), Case(count: 1, workers: 3, block: 1),
            Case(count: 100, workers: 4, block: 1), Case(count: 256, workers: 4, block: 1),
            Case(count: 257, workers: 4, block: 2), Case(count: 1_000, workers: 3, block: 6),
            Case(count: 100_000, workers: 4, block: 391), Case(count: 130, workers: 1, block: 3),
        ])
    func shares(_ deal: Case) {
        var bench = SchedulerBench()
        let members = (1...Int64(deal.workers)).map { $0 }
        bench.add(1, deal.count, dealtTo: members)
        let tasks = computeAll(&bench, members.reversed())
        for member in members {
            let expected = (0..<deal.count).filter { $0 / deal.block % deal.workers == Int(member) - 1 }
            #expect(tasks[member] ?? [] == expected)
        }
        #expect(bench.scheduler.unfinishedJobs.isEmpty)
        #expect(bench.scheduler.dealtLines.isEmpty && bench.scheduler.lines.isEmpty)
    }

    @Test("a quick worker gets no more than its share, a stranger nothing, and no slow task is copied")
    func sharesAreKept() {
        var bench = SchedulerBench()
        bench.add(1, 10, dealtTo: [1, 2])
        let slow = bench.take(2)[0]
        #expect(computeAll(&bench, [1]) == [1: [0, 2, 4, 6, 8]])
        #expect(bench.take(1).isEmpty)
        #expect(bench.take(3).isEmpty)
        #expect(SchedulerBench.grants(bench.pass(.seconds(10))).isEmpty)
        _ = bench.finish(SchedulerBench.report(slow))
        #expect(computeAll(&bench, [2]) == [2: [3, 5, 7, 9]])
        #expect(bench.scheduler.unfinishedJobs.isEmpty)
    }

    @Test("failed tasks go to another, undelivered grants and lapsed leases back to the worker whose they are")
    func comesBackToItsWorker() {
        var bench = SchedulerBench()
        bench.add(1, 4, dealtTo: [1, 2])
        let first = bench.take(1)[0]
        _ = bench.finish(SchedulerBench.report(first, failing: [0]))
        #expect(bench.take(3).isEmpty)
        let again = bench.take(2)[0]
        #expect(again.tasks == 0..<1 && again.attempt == 2)
        _ = bench.handle(.grantUndelivered([again]))
        #expect(bench.take(2).map(\.attempt) == [3])
        _ = bench.pass(.seconds(16))
        let last = bench.take(2)[0]
        #expect(last.tasks == 0..<1 && last.attempt == 4)
        _ = bench.finish(SchedulerBench.report(last))
        #expect(computeAll(&bench, [1, 2, 3]) == [1: [2], 2: [1, 3]])
    }

    @Test("the open share of one that is gone is dealt to the others in turn", arguments: [false, true])
    func death(crashed: Bool) {
        var bench = SchedulerBench()
        bench.add(1, 16, dealtTo: [1, 2, 3, 4])
        _ = bench.finish(SchedulerBench.report(bench.take(2)[0]))
        let held = bench.take(2)[0]
        #expect(held.tasks == 5..<6)
        _ = bench.handle(.memberGone(MemberID(2), crashed: crashed, wallClockMs: 0))
        #expect(bench.take(2).isEmpty)
        #expect(bench.take(9).isEmpty)
        let tasks = computeAll(&bench, [1, 3, 4])
        #expect(tasks.values.map(\.count).sorted() == [5, 5, 5])
        #expect(tasks.values.joined().sorted() == (0..<16).filter { $0 != 1 })
        #expect(tasks[1]!.contains(5) && tasks[3]!.contains(9) && tasks[4]!.contains(13))
        #expect(bench.scheduler.unfinishedJobs.isEmpty)
    }

    @Test("held calls of the others are served as soon as a share is dealt again")
    func heldCallsGetTheShare() {
        var bench = SchedulerBench()
        bench.add(1, 2, dealtTo: [1, 2])
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0]))
        _ = bench.take(2)
        #expect(bench.take(1).isEmpty)
        let grants = SchedulerBench.grants(bench.handle(.memberSuspected(MemberID(2))))
        #expect(grants.map(\.member) == [MemberID(1)])
        #expect(grants.map(\.tasks) == [1..<2])
    }

    @Test("when all are gone, anyone may take what is left")
    func allGone() {
        var bench = SchedulerBench()
        bench.add(1, 9, dealtTo: [1, 2, 3])
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0]))
        for member: Int64 in [1, 2] {
            _ = bench.handle(.memberGone(MemberID(member), crashed: false, wallClockMs: 0))
            #expect(bench.take(7).isEmpty)
            _ = bench.handle(.callEnded(LeaseCallID(99)))
        }
        let grants = SchedulerBench.grants(bench.handle(.memberGone(MemberID(3), crashed: false, wallClockMs: 0)))
        #expect(grants.map(\.member) == [MemberID(7), MemberID(7)])
        for key in grants { _ = bench.finish(SchedulerBench.report(key)) }
        #expect(computeAll(&bench, [7])[7]?.count == 8 - grants.count)
        #expect(bench.scheduler.unfinishedJobs.isEmpty)
    }

    @Test(
        "one that was suspected and returned keeps nothing of its open share, but is dealt to again; its result counts")
    func returned() {
        var bench = SchedulerBench()
        bench.add(1, 8, dealtTo: [1, 2])
        let late = bench.take(1)[0]
        _ = bench.handle(.memberSuspected(MemberID(1)))
        _ = bench.handle(.memberReturned(MemberID(1)))
        #expect(bench.take(1).isEmpty)
        #expect(SchedulerBench.verdicts(bench.finish(SchedulerBench.report(late))) == [.recorded(1)])
        let grants = SchedulerBench.grants(bench.handle(.memberSuspected(MemberID(2))))
        #expect(grants.map(\.member) == [MemberID(1)])
        for key in grants { _ = bench.finish(SchedulerBench.report(key)) }
        #expect(computeAll(&bench, [1])[1]?.sorted() == (1..<8).filter { !grants[0].tasks.contains($0) })
        #expect(bench.scheduler.unfinishedJobs.isEmpty)
    }

    @Test("a worker that was started again is dealt to, from then on")
    func startedAgain() {
        var bench = SchedulerBench()
        bench.add(1, 4, dealtTo: [1, 2])
        _ = bench.handle(.memberGone(MemberID(1), crashed: true, wallClockMs: 0))
        _ = bench.handle(.memberReturned(MemberID(1)))
        _ = bench.handle(.memberGone(MemberID(2), crashed: true, wallClockMs: 0))
        #expect(bench.take(3).isEmpty)
        #expect(computeAll(&bench, [1])[1]?.sorted() == [0, 1, 2, 3])
    }

    /// A job whose deal is over must not stand in the way of another in a member's line.
    @Test("what is dealt to one that is suspected too, and comes back to nobody, blocks no other job")
    func dealsThatEnd() {
        var bench = SchedulerBench()
        bench.add(1, 4, attempts: 2, dealtTo: [1, 2])
        let first = bench.take(1)[0]
        bench.add(2, 4, dealtTo: [1, 2])
        _ = bench.handle(.memberSuspected(MemberID(1)))
        _ = bench.handle(.memberSuspected(MemberID(2)))
        _ = bench.handle(.memberGone(MemberID(2), crashed: false, wallClockMs: 0))
        let late = bench.deliver(SchedulerBench.report(first))
        _ = bench.handle(.commitFailed(SchedulerBench.commits(late)[0], reason: "full"))
        _ = bench.handle(.memberReturned(MemberID(1)))
        #expect(computeAll(&bench, [1])[1]?.sorted() == [0, 0, 1, 1, 2, 2, 3, 3])
        #expect(bench.scheduler.unfinishedJobs.isEmpty)
        #expect(bench.scheduler.dealtLines.isEmpty && bench.scheduler.lines.isEmpty)
    }

    @Test("a job that a restart brought back is anybody's")
    func restart() {
        var bench = SchedulerBench()
        bench.add(1, 8, recorded: RangeSet([0..<2, 5..<6]))
        #expect(computeAll(&bench, [9]) == [9: [2, 3, 4, 6, 7]])
    }

    @Test("a dealt job takes turns with another, and interactive work goes first")
    func turns() {
        var bench = SchedulerBench()
        bench.add(1, 8, dealtTo: [1])
        bench.add(2, 4)
        bench.add(3, 1, .interactive)
        #expect((1...5).flatMap { _ in bench.take(1) }.map(\.job.rawValue) == [3, 1, 2, 1, 2])
        #expect(bench.take(2).map(\.job.rawValue) == [2])
    }

    @Test("a cancel ends a dealt job; one that the store refuses leaves it dealt")
    func cancel() {
        var bench = SchedulerBench()
        bench.add(1, 8, dealtTo: [1, 2])
        _ = bench.take(1)
        let asked = bench.handle(.cancelAsked(JobID(1), wallClockMs: 0))
        _ = bench.handle(.commitFailed(SchedulerBench.commits(asked)[0], reason: "full"))
        #expect(bench.take(3).isEmpty)
        #expect(bench.take(2).isEmpty == false)
        let again = bench.settle(bench.handle(.cancelAsked(JobID(1), wallClockMs: 0)))
        #expect(again.contains(.ended(JobID(1), .cancelled)))
        #expect(bench.take(1).isEmpty)
        #expect(bench.scheduler.dealtLines.isEmpty)
    }
}
