import MusterCore
import MusterSimulation
import Testing

@testable import MusterScheduling

@Suite("what waits, and who has room soon")
struct DemandTests {
    private func waiting(_ bench: SchedulerBench) -> [Int64: Int] {
        bench.scheduler.waitingWork(bench.now).reduce(into: [:]) { $0[$1.job.rawValue] = $1.count }
    }

    @Test("by job: what may be begun, and nothing else")
    func whatWaits() {
        var bench = SchedulerBench()
        _ = bench.handle(.memberKnown(MemberID(9), Voter(unknown: MemberID(9)), has: Resources(.oneCPU)))
        bench.add(1, 10)
        bench.add(2, 5) { $0.needs = Needs(Amounts(cpus: 4)) }
        bench.add(3, 7) { $0.atMost = 2 }
        bench.add(4, 6, dealtTo: [9])
        bench.add(5, 3) { $0.quorum = Quorum(needed: 2, voters: 2) }
        #expect(waiting(bench) == [1: 10, 2: 5, 3: 7, 5: 6])
        let all = bench.scheduler.waitingWork(bench.now)
        #expect(all.map(\.job.rawValue) == [1, 2, 3, 5])
        #expect(all[1].needs.amounts.cpus == 4 && all[2].batchesLeft == 2 && all[0].batchesLeft == nil)
        #expect(all.allSatisfy { $0.running == 0 && $0.seconds == nil && $0.oldest == .zero && $0.kernel == "k" })
    }

    @Test("what is held, halting or over does not wait; what rests after a failure does not yet")
    func whatDoesNot() {
        var bench = SchedulerBench()
        var held = RestoredJob(
            job: StoredJob(
                record: SchedulerBench.record(1, 4), state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:]),
            recorded: RangeSet())
        held.isHeld = true
        _ = bench.handle(.jobAdded(held))
        #expect(waiting(bench) == [:])
        _ = bench.handle(.horizonMoved(JobID(1), to: .max))
        #expect(waiting(bench) == [1: 4])
        _ = bench.handle(.haltAsked(JobID(1), wallClockMs: 0))
        #expect(waiting(bench) == [:])
        bench.add(2, 1) { $0.retryDelay = .seconds(10) }
        let key = bench.take(1)[0]
        _ = bench.finish(SchedulerBench.report(key, failing: [key.first]))
        #expect(waiting(bench) == [:])
        _ = bench.pass(.seconds(11))
        #expect(waiting(bench) == [2: 1])
    }

    @Test("at most so many, and starts that lie apart")
    func bounded() {
        var bench = SchedulerBench()
        bench.add(1, 9) { $0.atMost = 2 }
        bench.add(2, 9) { $0.startDelay = .seconds(5) }
        _ = bench.take(1)
        _ = bench.take(2)
        bench.now = bench.now + .seconds(1)
        var work = bench.scheduler.waitingWork(bench.now)
        #expect(work.map(\.running) == [1, 1] && work.map(\.count) == [8, 8] && work.map(\.batchesLeft) == [1, nil])
        #expect(work.map(\.oldest) == [.seconds(1), .seconds(1)] && work[1].startDelay == .seconds(5))
        // One more of the first: as many as may.
        _ = bench.take(3)
        work = bench.scheduler.waitingWork(bench.now)
        #expect(work.map(\.job.rawValue) == [2])
    }

    private func load(_ bench: SchedulerBench, _ member: MemberID) -> WorkerLoad {
        bench.scheduler.load(of: member, asking: bench.scheduler.asked[member], within: .seconds(1), bench.now)
    }

    private func room(_ bench: SchedulerBench, _ member: MemberID, isHeard: Bool = true) -> Amounts? {
        load(bench, member).room(isHeard: isHeard)
    }

    private func isIdle(_ bench: SchedulerBench, _ member: Int64) -> Bool { load(bench, MemberID(member)).isIdle }

    private func known(_ bench: inout SchedulerBench, cpus: Int, _ members: Int64...) {
        for member in members.map({ MemberID($0) }) {
            _ = bench.handle(.memberKnown(member, Voter(unknown: member), has: Resources(Amounts(cpus: cpus))))
        }
    }

    @Test("free, or soon: as far as tasks were measured")
    func room() {
        var bench = SchedulerBench()
        let (one, two) = (MemberID(1), MemberID(2))
        known(&bench, cpus: 2, 1, 2)
        bench.add(1, 40)
        #expect(room(bench, one) == Amounts(cpus: 2))
        let first = bench.take(1)[0]
        // Nobody knows yet how long it takes.
        #expect(room(bench, one) == Amounts(cpus: 1))
        _ = bench.finish(SchedulerBench.report(first, seconds: 3))
        #expect(bench.scheduler.waitingWork(bench.now).map(\.seconds) == [3])
        _ = bench.take(2)
        #expect(room(bench, two) == Amounts(cpus: 1))
        bench.now = bench.now + .milliseconds(2_100)
        #expect(room(bench, two) == Amounts(cpus: 2))
        #expect(room(bench, two, isHeard: false) == Amounts(cpus: 1))
        // It takes far longer than it should.
        bench.now = bench.now + .seconds(60)
        #expect(room(bench, two) == Amounts(cpus: 1))
        _ = bench.handle(.memberDraining(one))
        #expect(room(bench, one) == nil)
    }

    @Test("room of whoever does not ask is none, once that is known")
    func unheard() {
        var bench = SchedulerBench()
        known(&bench, cpus: 4, 1)
        let one = MemberID(1)
        #expect(room(bench, one, isHeard: false) == Amounts())
        #expect(load(bench, one).unheardSlots == 4)
        _ = bench.ask(1, slots: 3)
        #expect(room(bench, one, isHeard: false) == Amounts(cpus: 3))
        #expect(load(bench, one).unheardSlots == 1)
    }

    @Test("idle is who asks for all that it has, and holds nothing, nor says so")
    func idle() {
        var bench = SchedulerBench()
        known(&bench, cpus: 2, 1)
        // After a coordinator's restart: it computes what nobody here knows of.
        #expect(!isIdle(bench, 1))
        _ = bench.ask(1, slots: 1)
        #expect(!isIdle(bench, 1))
        _ = bench.ask(1, slots: 1)
        #expect(isIdle(bench, 1))
        bench.add(1, 9) { $0.needs = Needs(Amounts(cpus: 9)) }
        let old = LeaseKey(job: JobID(1), first: 0, count: 1, attempt: 1, member: MemberID(1))
        _ = bench.handle(.renewed(MemberID(1), [old]))
        #expect(!isIdle(bench, 1) && room(bench, MemberID(1)) == Amounts())
        _ = bench.pass(.seconds(4))
        #expect(isIdle(bench, 1))
    }

    @Test("of each kind a share, though one has thousands of jobs")
    func shares() {
        var bench = SchedulerBench()
        for id in 1...3_000 as ClosedRange<Int64> { bench.add(id, 1) }
        for id in 4_001...4_600 as ClosedRange<Int64> { bench.add(id, 1) { $0.needs = Needs(Amounts(cpus: 4)) } }
        for id in 5_001...5_600 as ClosedRange<Int64> { bench.add(id, 1) { $0.quorum = Quorum(needed: 2, voters: 2) } }
        let found = bench.scheduler.waitingWork(bench.now).map(\.job.rawValue)
        #expect(found == Array(1...333) + Array(4_001...4_333) + Array(5_001...5_333))
    }

    @Test("how many voters are missing on a task")
    func voters() {
        var bench = SchedulerBench { $0.isQuorumStrict = false }
        known(&bench, cpus: 1, 1, 2, 3)
        bench.add(1, 1) { $0.quorum = Quorum(needed: 3, voters: 3) }
        func missing() -> [Int?] { bench.scheduler.waitingWork(bench.now).map(\.voters) }
        #expect(missing() == [3])
        let key = bench.take(1)[0]
        #expect(missing() == [2])
        _ = bench.finish(SchedulerBench.report(key))
        #expect(missing() == [2])
        _ = bench.take(2)
        #expect(missing() == [1] && bench.scheduler.waitingWork(bench.now)[0].turn > 0)
        _ = bench.take(3)
        #expect(missing() == [])
    }

    @Test("whoever asks, and what it can run")
    func asking() {
        var bench = SchedulerBench()
        _ = bench.ask(3, kernels: ["a", "b"])
        #expect(bench.scheduler.asked == [MemberID(3): .oneCPU])
        #expect(load(bench, MemberID(3)).kernels == ["a", "b"] && load(bench, MemberID(4)).kernels == nil)
    }
}
