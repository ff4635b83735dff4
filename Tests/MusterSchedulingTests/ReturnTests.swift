import MusterCore
import MusterSimulation
import Testing

@testable import MusterScheduling

/// Tasks that a worker has not begun, and gives back as what it is at takes long.
@Suite struct ReturnTests {
    private var bench = SchedulerBench()
    private let key: LeaseKey

    /// A worker holds a hundred tasks that are thought to take a millisecond each.
    init() {
        bench.add(1, 1_000) { $0.mayCopy = false }
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0], seconds: 0.001))
        key = bench.take(1)[0]
        _ = bench.pass(.seconds(2))
    }

    private func report(_ tasks: Range<Int>) -> TaskReport {
        var report = SchedulerBench.report(
            LeaseKey(job: key.job, first: tasks.lowerBound, count: tasks.count, attempt: 1, member: key.member))
        (report.key, report.ticket) = (key, PlainSealer().seal(key))
        return report
    }

    @Test mutating func othersGetWhatIsNotBegun() {
        #expect(key.count == 100)
        let from = key.first + 3
        #expect(bench.handle(.returned(MemberID(1), [ReturnedTasks(key: key, from: from)])).isEmpty)
        // One by one again: a task takes a second now.
        let next = bench.take(2)[0]
        #expect((next.first, next.count, next.attempt) == (from, 1, 2))
        // Said again, and by somebody else, it changes nothing.
        _ = bench.handle(.returned(MemberID(1), [ReturnedTasks(key: key, from: from)]))
        _ = bench.handle(.returned(MemberID(2), [ReturnedTasks(key: key, from: key.first)]))
        #expect(bench.take(3).map(\.first) == [from + 1])
        // What it kept is its own, and ends its lease.
        #expect(bench.handle(.renewed(MemberID(1), [key])).isEmpty)
        let effects = bench.finish(report(key.first..<from))
        #expect(SchedulerBench.verdicts(effects) == [.recorded(3)])
        #expect(bench.scheduler.leases(of: MemberID(1)).isEmpty)
    }

    @Test(arguments: [Int.min / 2, Int.max]) mutating func nonsenseIsNoMatter(_ from: Int) {
        _ = bench.handle(.returned(MemberID(1), [ReturnedTasks(key: key, from: from)]))
        var unknown = key
        unknown.first = 900
        _ = bench.handle(.returned(MemberID(1), [ReturnedTasks(key: unknown, from: 950)]))
        #expect(bench.scheduler.leases(of: MemberID(1)) == (from > 0 ? [key] : []))
    }

    @Test mutating func everythingComesBackWhereItIsReturned() {
        _ = bench.handle(.returned(MemberID(1), [ReturnedTasks(key: key, from: key.first)]))
        #expect(bench.scheduler.leases(of: MemberID(1)).isEmpty)
        #expect(bench.scheduler.waitingTaskCount == 999)
    }

    /// Nothing of it is to be done twice at one time.
    @Test mutating func aLostLeaseThatOthersHoldIsRevoked() {
        _ = bench.pass(.seconds(16))
        // Nobody has them yet: its work may still count.
        #expect(bench.handle(.renewed(MemberID(1), [key])).isEmpty)
        #expect(bench.take(2)[0].tasks.overlaps(key.tasks))
        #expect(bench.handle(.renewed(MemberID(1), [key])) == [.revoke(MemberID(1), [key])])
    }
}
