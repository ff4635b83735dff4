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

    /// What is on its way to a worker that goes is no loss, and is not handed to its own calls again.
    @Test("who goes and has begun nothing loses nothing", arguments: [true, false])
    func unbegun(isSuspected: Bool) {
        var bench = Self.bench()
        let key = bench.take(1)[0]
        let held = bench.take(1, slots: 2).count
        if isSuspected { _ = bench.handle(.memberSuspected(MemberID(1))) }
        let effects = bench.settle(bench.handle(.unbegun(MemberID(1))))
        #expect(SchedulerBench.grants(effects).isEmpty)
        #expect(
            SchedulerBench.writes(effects).contains {
                if case .dropBegun(JobID(1), let tasks) = $0 { tasks == key.tasks } else { false }
            }, "a restart does not think that it was begun")
        let gone = bench.settle(bench.handle(.memberGone(MemberID(1), crashed: false, wallClockMs: 0)))
        #expect(Self.failures(effects + gone).isEmpty && SchedulerBench.grants(gone).isEmpty)
        let again = bench.take(2, slots: 3)
        #expect(Set(again.map(\.first)) == [0, 1, 2] && held <= 2)
        // Its next life is granted work.
        for key in again { _ = bench.finish(SchedulerBench.report(key)) }
    }

    /// The goodbye of a process arrives after the coordinator forgot it; the next one has its identity.
    @Test("a goodbye that comes late leaves no mark")
    func late() {
        var bench = Self.bench(1)
        _ = bench.handle(.unbegun(MemberID(1)))
        #expect(bench.take(1).map(\.first) == [0])
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

    @Test("what a worker had no room for is known not to be begun")
    func noRoom() {
        var bench = Self.bench(1)
        let key = bench.take(1)[0]
        let returned = [ReturnedTasks(key: key, from: 0)]
        #expect(Self.dropped(bench.handle(.returned(MemberID(1), returned))) == [0..<1])
        #expect(bench.take(2).map(\.first) == [0])
        #expect(bench.handle(.returned(MemberID(1), returned)).isEmpty, "said again, it is not about the other's")
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

    // MARK: Over the coordinator's death

    private static func noted(_ effects: [SchedulerEffect]) -> [BegunTask] {
        SchedulerBench.writes(effects).flatMap { write -> [BegunTask] in
            if case .noteBegun(let tasks) = write { tasks } else { [] }
        }
    }

    private static func dropped(_ effects: [SchedulerEffect]) -> [Range<Int>] {
        SchedulerBench.writes(effects).compactMap { write in
            if case .dropBegun(_, let tasks) = write { tasks } else { nil }
        }
    }

    @Test("a worker hears of a task when the store knows that it has it")
    func storedFirst() {
        var bench = Self.bench()
        let asked = bench.ask(1)
        #expect(SchedulerBench.grants(asked).isEmpty)
        #expect(Self.noted(asked) == [BegunTask(job: JobID(1), task: 0, attempt: 1, member: MemberID(1))])
        let granted = bench.handle(.committed(SchedulerBench.commits(asked)[0]))
        #expect(SchedulerBench.grants(granted).map(\.first) == [0])
        let end = bench.finish(SchedulerBench.report(SchedulerBench.grants(granted)[0]))
        #expect(Self.dropped(end) == [0..<1])
    }

    @Test("what the store refuses to know stays here, and its call stays held")
    func storeRefuses() {
        var bench = Self.bench(1)
        let refused = bench.handle(.commitFailed(SchedulerBench.commits(bench.ask(1))[0], reason: "full"))
        #expect(refused.isEmpty)
        let again = bench.settle(bench.pass(.milliseconds(100)))
        #expect(SchedulerBench.grants(again).map(\.first) == [0])
    }

    @Test("what nobody waits for any more goes to others", arguments: [false, true])
    func nobodyWaits(isGone: Bool) {
        var bench = Self.bench(1)
        let asked = bench.ask(1)
        _ = bench.handle(.callEnded(LeaseCallID(bench.calls)))
        if isGone { _ = bench.handle(.memberGone(MemberID(1), crashed: true, wallClockMs: 0)) }
        let effects = bench.handle(.committed(SchedulerBench.commits(asked)[0]))
        #expect(SchedulerBench.grants(effects).isEmpty && Self.failures(effects).isEmpty)
        #expect(isGone || Self.dropped(effects) == [0..<1])
        #expect(bench.take(2).map(\.first) == [0])
    }

    @Test("one that is cancelled meanwhile is not begun")
    func cancelledMeanwhile() {
        var bench = Self.bench(1)
        let asked = bench.ask(1)
        _ = bench.settle(bench.handle(.cancelAsked(JobID(1), wallClockMs: 0)))
        #expect(bench.handle(.committed(SchedulerBench.commits(asked)[0])) == [.dismiss(LeaseCallID(bench.calls))])
    }

    @Test("what failed and is tried again is nobody's meanwhile")
    func betweenTries() {
        var bench = SchedulerBench()
        bench.add(1, 1, attempts: 3) { ($0.reruns, $0.mayCopy, $0.retryDelay) = (false, false, .seconds(1)) }
        let report = SchedulerBench.report(bench.take(1)[0], failing: [0])
        #expect(Self.dropped(bench.finish(report)) == [0..<1])
        _ = bench.pass(.seconds(60))
        #expect(bench.take(2).map(\.attempt) == [2])
        #expect(Self.dropped(bench.finish(report)).isEmpty, "said again, it is not about the other's")
    }

    @Test("a worker that is about to go is given nothing that waited for the store")
    func goingMeanwhile() {
        var bench = Self.bench(1)
        let asked = bench.ask(1)
        _ = bench.handle(.memberDraining(MemberID(1)))
        let effects = bench.handle(.committed(SchedulerBench.commits(asked)[0]))
        #expect(SchedulerBench.grants(effects).isEmpty && Self.dropped(effects) == [0..<1])
        #expect(bench.take(2).map(\.first) == [0])
    }

    @Test("what was ended for a cancel that the store refused is not run again")
    func cancelRefused() {
        var bench = Self.bench(2)
        _ = bench.take(1)
        for commit in SchedulerBench.commits(bench.handle(.cancelAsked(JobID(1), wallClockMs: 0))) {
            let effects = bench.settle(bench.handle(.commitFailed(commit, reason: "full")))
            #expect(Self.failures(effects) == [0: "it was ended for a cancel that failed, and it is not run again"])
        }
        #expect(bench.take(2, slots: 2).map(\.first) == [1])
    }

    /// Tasks 0 and 2 of five had gone to workers 1 and 2 before the coordinator died.
    private static func restored() -> SchedulerBench {
        var bench = SchedulerBench()
        let begun = [(0, Int64(1)), (2, 2), (3, 2)].map {
            BegunTask(job: JobID(1), task: $0.0, attempt: 2, member: MemberID($0.1))
        }
        bench.add(1, 5, recorded: RangeSet(3..<4), begun: begun) { ($0.reruns, $0.mayCopy) = (false, false) }
        return bench
    }

    @Test("after a restart workers go on with what they have, and others get the rest")
    func restart() {
        var bench = Self.restored()
        let held = LeaseKey(job: JobID(1), first: 0, count: 1, attempt: 2, member: MemberID(1))
        #expect(bench.take(3, slots: 5).map(\.first) == [1, 4])
        #expect(bench.handle(.renewed(MemberID(1), [held])).isEmpty, "it is not told to give it up")
        let effects = bench.finish(SchedulerBench.report(held))
        #expect(SchedulerBench.verdicts(effects) == [.recorded(1)])
    }

    @Test("after a restart a task whose worker does not come back with it has failed")
    func restartWithoutWorker() {
        var bench = Self.restored()
        let held = LeaseKey(job: JobID(1), first: 0, count: 1, attempt: 2, member: MemberID(1))
        _ = bench.pass(.seconds(10))
        _ = bench.handle(.renewed(MemberID(1), [held]))
        let effects = bench.settle(bench.pass(.seconds(6)))
        #expect(Self.failures(effects) == [2: "its worker gave no sign of it any more, and it is not run again"])
        #expect(bench.take(3, slots: 5).map(\.first) == [1, 4])
    }
}
