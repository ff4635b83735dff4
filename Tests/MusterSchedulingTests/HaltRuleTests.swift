import MusterCore
import MusterSimulation
import RunRules
import Testing

@testable import MusterScheduling

/// Jobs that the fleet halts by itself, at exactly so many.
@Suite struct HaltRuleTests {
    private var bench = SchedulerBench()
    private let job = JobID(1)

    @discardableResult
    private mutating func add(
        _ rule: String, count: Int = 1_000, recorded: RangeSet<Int> = RangeSet(), doneBefore: Int = 0
    ) -> [SchedulerEffect] {
        for member in 1...4 { know(Int64(member), slots: 1) }
        return bench.settle(
            bench.add(1, count, attempts: 1, recorded: recorded, doneBefore: doneBefore) {
                $0.halt = HaltRule(parsing: rule)!.condition
                $0.mayCopy = false
            })
    }

    private mutating func know(_ member: Int64, slots: Int) {
        _ = bench.handle(
            .memberKnown(
                MemberID(member), Voter(machine: MachineID("m\(member)"), isVolunteer: false),
                has: Resources(Amounts(cpus: slots))))
    }

    private mutating func finish(_ key: LeaseKey, fails: Bool = false) -> [SchedulerEffect] {
        bench.finish(SchedulerBench.report(key, failing: fails ? Array(key.tasks) : [], seconds: 0.000_1))
    }

    private func end(_ effects: [SchedulerEffect]) -> String? {
        SchedulerBench.writes(effects).lazy.compactMap { write in
            if case .explainJob(_, let reason) = write { reason } else { nil }
        }.first
    }

    @Test mutating func nearItTasksGoOutAlone() {
        add("soon,fail=1")
        for _ in 0..<5 {
            let keys = bench.take(1)
            #expect(keys.map(\.count) == [1])
            _ = finish(keys[0])
        }
        let (first, second) = (bench.take(1)[0], bench.take(2)[0])
        #expect(!finish(first, fails: true).contains(.ended(job, .cancelled)))
        #expect(bench.scheduler.isHalting(job) && bench.ask(1).isEmpty && bench.ask(3).isEmpty)
        #expect(SchedulerBench.verdicts(finish(second)) == [.recorded(1)])
        let effects = bench.settle(bench.pass(.milliseconds(100)))
        #expect(effects.contains(.ended(job, .cancelled)))
        #expect(end(effects) == "halted, as 1 of its tasks had failed")
    }

    /// A call that comes while the slot's last task is not known to be over waits for what becomes of that.
    @Test mutating func nothingGoesOutAhead() {
        add("now,fail=1")
        let first = bench.take(1)[0]
        #expect(bench.ask(1).isEmpty)
        let effects = bench.deliver(SchedulerBench.report(first))
        let next = SchedulerBench.grants(effects)
        #expect(next.map(\.first) == [1], "the report alone frees the slot")
        #expect(bench.ask(1).isEmpty)
        let other = bench.take(2)[0]
        let failed = bench.settle(bench.deliver(SchedulerBench.report(next[0], failing: [1])))
        #expect(SchedulerBench.grants(failed).isEmpty && failed.contains(.revoke(MemberID(2), [other])))
        #expect(failed.contains(.ended(job, .cancelled)))
    }

    /// Two tasks end at one time: the second result, though not the one that halted the job, counts.
    @Test mutating func whatIsOnItsWayCounts() {
        add("soon,fail=2")
        let keys = [bench.take(1)[0], bench.take(2)[0]]
        let commits = keys.map {
            SchedulerBench.commits(bench.deliver(SchedulerBench.report($0, failing: [$0.first])))[0]
        }
        #expect(bench.ask(3).isEmpty, "neither is durable yet")
        for commit in commits { _ = bench.handle(.committed(commit)) }
        #expect(bench.scheduler.progress(of: job)?.failed == 2)
        #expect(bench.settle(bench.pass(.milliseconds(100))).contains(.ended(job, .cancelled)))
    }

    @Test mutating func whatTheStoreRefusedDoesNotCount() {
        add("soon,fail=2")
        let key = bench.take(1)[0]
        let commit = SchedulerBench.commits(bench.deliver(SchedulerBench.report(key, failing: [0])))[0]
        _ = bench.handle(.commitFailed(commit, reason: "full"))
        let again = bench.take(1)[0]
        #expect(again.first == 0)
        _ = finish(again, fails: true)
        #expect(!bench.scheduler.isHalting(job) && bench.take(1).count == 1)
    }

    /// All fail, some workers return what they have not begun: never does one begin more than slots allow.
    @Test(arguments: [1, 2, 3, 7, 50, 400]) mutating func neverMoreThanSo(many: Int) {
        add("soon,fail=\(many)")
        var random = SimRandom(seed: UInt64(many))
        var running: [Int64: LeaseKey] = [:]
        var (begun, batches) = (0, 0)
        // So that batches would be large.
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0], seconds: 0.000_1))
        while !bench.scheduler.isHalting(job), begun < 1_000 {
            let member = Int64(Int.random(in: 1...4, using: &random))
            if let key = running.removeValue(forKey: member) {
                begun += key.count
                batches += key.count > 1 ? 1 : 0
                _ = finish(key, fails: true)
            } else if let key = bench.take(member).first {
                running[member] = key
                #expect(begun + running.values.reduce(0) { $0 + $1.count } <= many + 3)
            }
        }
        #expect(bench.scheduler.progress(of: job)?.failed == many)
        #expect(many > 1 || batches == 0)
        #expect(many < 50 || batches > 0, "far from it there are batches")
    }

    /// One worker of many slots: what goes out alone waits for the batches from before, and all that fail are counted.
    @Test mutating func slotsOfOneWorker() {
        add("soon,fail=100")
        know(1, slots: 32)
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0], seconds: 0.000_1))
        var running = bench.take(1, slots: 32)
        #expect(running.contains { $0.count > 1 })
        while !bench.scheduler.isHalting(job), !running.isEmpty {
            // Short ones first, so that a batch would be overtaken.
            running.sort { ($0.count, $0.first) > ($1.count, $1.first) }
            _ = finish(running.removeLast(), fails: true)
            running += bench.take(1, slots: 32 - running.count)
        }
        #expect(bench.scheduler.isHalting(job))
        #expect(bench.scheduler.progress(of: job)?.failed == 100)
        #expect(running.allSatisfy { $0.count == 1 } && running.count < 32)
    }

    @Test(arguments: ["soon", "now"]) mutating func aHaltByWhatTheStoreRefusedIsNone(when: String) {
        add("\(when),fail=1")
        let key = bench.take(1)[0]
        let commits = SchedulerBench.commits(bench.deliver(SchedulerBench.report(key, failing: [0])))
        for commit in commits { _ = bench.handle(.commitFailed(commit, reason: "full")) }
        #expect(!bench.scheduler.isHalting(job))
        #expect(!bench.settle(bench.pass(.milliseconds(100))).contains(.ended(job, .cancelled)))
        let again = bench.take(1)[0]
        #expect(again.first == 0)
        let effects = finish(again, fails: true) + bench.settle(bench.pass(.milliseconds(100)))
        #expect(effects.contains(.ended(job, .cancelled)))
    }

    @Test mutating func aRestartCountsWhatIsRecorded() {
        #expect(add("soon,success=3", recorded: RangeSet(0..<3)).contains(.ended(job, .cancelled)))
        #expect(bench.ask(1).isEmpty)
    }

    /// One that is tried again counts anew what is tried again, and percentages are of that.
    @Test(arguments: [("soon,success=3", 3), ("soon,done=3", 3), ("now,success=1%", 9), ("soon,done=1%", 9)])
    mutating func whatWasDoneBeforeDoesNotCount(rule: String, many: Int) {
        let effects = add(rule, recorded: RangeSet(0..<100), doneBefore: 100)
        #expect(!effects.contains(.ended(job, .cancelled)) && !bench.scheduler.isHalting(job))
        var finished = 0
        while finished < many, let key = bench.take(1).first {
            let effects = finish(key) + bench.settle(bench.pass(.milliseconds(100)))
            finished += key.count
            #expect(effects.contains(.ended(job, .cancelled)) == (finished == many), "\(finished)")
        }
        #expect(finished == many)
    }

    /// A restart in the middle of that.
    @Test mutating func aRestartCountsWhatIsRecordedSince() {
        #expect(!add("soon,success=3", recorded: RangeSet(0..<102), doneBefore: 100).contains(.ended(job, .cancelled)))
        #expect(
            (finish(bench.take(1)[0]) + bench.settle(bench.pass(.milliseconds(100)))).contains(.ended(job, .cancelled)))
    }

    /// Another job whose worker asks ahead for ever does not keep the slot.
    @Test mutating func itsTurnComes() {
        bench.add(2, 100_000)
        know(1, slots: 1)
        var key = bench.take(1)[0]
        add("soon,fail=1")
        var jobs: [JobID] = []
        for _ in 0..<6 {
            let ahead = bench.take(1)
            let freed = SchedulerBench.grants(finish(key))
            key = (ahead + freed)[0]
            jobs.append(key.job)
        }
        #expect(jobs.filter { $0 == job }.count == 3, "\(jobs)")
    }
}
