import MusterCore
import MusterSimulation
import Testing

@testable import MusterScheduling

/// Jobs whose tasks need more than one cpu.
@Suite("needs")
struct NeedsTests {
    private let gib = 1 << 30

    private func known(
        _ bench: inout SchedulerBench, _ member: Int64, _ amounts: Amounts, labels: [String: String] = [:]
    ) {
        _ = bench.handle(
            .memberKnown(MemberID(member), Voter(unknown: MemberID(member)), has: Resources(amounts, labels: labels)))
    }

    private func add(
        _ bench: inout SchedulerBench, _ id: Int64, _ count: Int, _ needs: Needs, _ priority: Priority = .batch
    ) -> [SchedulerEffect] {
        bench.add(id, count, priority) { $0.needs = needs }
    }

    private func granted(_ effects: [SchedulerEffect]) -> [Int64] { SchedulerBench.grants(effects).map(\.job.rawValue) }

    static let free: [(Amounts, Needs, Int)] = [
        (Amounts(cpus: 4), Needs(Amounts(cpus: 2)), 2), (Amounts(cpus: 5), Needs(Amounts(cpus: 2)), 2),
        (Amounts(cpus: 1), Needs(Amounts(cpus: 2)), 0), (Amounts(cpus: 4), Needs(Amounts(cpus: 1, memory: 3)), 0),
        (Amounts(cpus: 4, memory: 8), Needs(Amounts(cpus: 1, memory: 3)), 2),
        (Amounts(cpus: 8, gpus: 2), Needs(Amounts(cpus: 3, gpus: 1)), 2),
        (Amounts(cpus: 8, counts: ["a": 3]), Needs(Amounts(cpus: 1, counts: ["a": 1])), 3),
        (Amounts(cpus: 8), Needs(labels: ["site": "lab"]), 8), (Amounts(cpus: 8), Needs(labels: ["site": "x"]), 0),
    ]

    @Test("a call is given as many batches as what is free holds", arguments: free)
    func fits(free: Amounts, needs: Needs, grants: Int) {
        var bench = SchedulerBench()
        known(&bench, 1, free, labels: ["site": "lab"])
        _ = add(&bench, 1, 100, needs)
        let effects = bench.ask(1, free: free)
        #expect(SchedulerBench.grants(effects).count == grants)
        for case .grant(_, _, let grants) in effects { #expect(grants.allSatisfy { $0.needs == needs }) }
    }

    @Test("what does not fit stays in line for others, and what comes behind it is not held up")
    func passedOver() {
        var bench = SchedulerBench()
        known(&bench, 1, Amounts(cpus: 1))
        known(&bench, 2, Amounts(cpus: 4))
        _ = add(&bench, 1, 1, Needs(Amounts(cpus: 4)))
        bench.add(2, 1)
        #expect(granted(bench.ask(1, free: Amounts(cpus: 1))) == [2])
        #expect(granted(bench.ask(2, free: Amounts(cpus: 4))) == [1])
    }

    @Test("a worker that does not say what it has is given what takes one cpu")
    func ofEarlierVersions() {
        var bench = SchedulerBench()
        _ = add(&bench, 1, 1, Needs(Amounts(cpus: 2)))
        #expect(bench.take(1, slots: 8).isEmpty)
        #expect(granted(bench.add(2, 3)) == [2, 2, 2])
        // A label is no more than every worker may have.
        _ = add(&bench, 3, 1, Needs(labels: ["site": "lab"]))
        _ = bench.handle(
            .memberKnown(MemberID(4), Voter(unknown: MemberID(4)), has: Resources(.oneCPU, labels: ["site": "lab"])))
        #expect(granted(bench.ask(4, slots: 1)) == [3])
    }

    @Test("jobs of one priority take turns, whatever they need")
    func turns() {
        var bench = SchedulerBench()
        known(&bench, 1, Amounts(cpus: 2))
        bench.add(1, 10)
        _ = add(&bench, 2, 10, Needs(Amounts(cpus: 2)))
        _ = add(&bench, 3, 10, Needs(Amounts(cpus: 1, gpus: 1)))
        let order = (1...4).flatMap { _ in granted(bench.ask(1, free: Amounts(cpus: 2))) }
        #expect(order == [1, 1, 2, 1, 1, 2])
    }

    @Test("a later call of a worker takes over the earlier one, with what that spoke for")
    func merged() {
        var bench = SchedulerBench()
        known(&bench, 1, Amounts(cpus: 4, memory: 8))
        #expect(bench.ask(1, free: Amounts(cpus: 1, memory: 8)).isEmpty)
        let earlier = LeaseCallID(bench.calls)
        #expect(bench.ask(1, free: Amounts(cpus: 3)) == [.merged(earlier)])
        #expect(bench.scheduler.heldCallCount == 1)
        let effects = add(&bench, 1, 1, Needs(Amounts(cpus: 4, memory: 8)))
        #expect(granted(effects) == [1])
        // One that was answered has nothing to be taken over.
        #expect(bench.ask(1, free: Amounts(cpus: 1)).isEmpty)
        #expect(granted(add(&bench, 2, 1, Needs(Amounts(cpus: 2)))) == [])
    }

    @Test("merged calls never speak for more than the worker has")
    func mergedBounds() {
        var bench = SchedulerBench()
        known(&bench, 1, Amounts(cpus: 2))
        for _ in 0..<3 { _ = bench.ask(1, free: Amounts(cpus: 2)) }
        #expect(granted(bench.add(1, 9)).count == 2)
    }

    // MARK: Reservations

    /// A worker of four slots that computes one-cpu tasks of job 1 on all of them, and job 2, which needs all four.
    private func crowded(_ change: (inout Scheduler.Settings) -> Void = { _ in }) -> (SchedulerBench, [LeaseKey]) {
        var bench = SchedulerBench(change)
        known(&bench, 1, Amounts(cpus: 4))
        bench.add(1, 1_000)
        let keys = SchedulerBench.grants(bench.ask(1, free: Amounts(cpus: 4)))
        #expect(keys.count == 4)
        _ = add(&bench, 2, 1, Needs(Amounts(cpus: 4)))
        return (bench, keys)
    }

    /// One batch ends, and its slot is asked for.
    private func turn(_ bench: inout SchedulerBench, _ key: LeaseKey) -> [LeaseKey] {
        SchedulerBench.grants(bench.finish(SchedulerBench.report(key, seconds: 0.1)) + bench.ask(1, free: .oneCPU))
    }

    @Test("a job that finds no room for two seconds has a worker kept free for it")
    func reserved() {
        var (bench, keys) = crowded()
        for round in 0..<3 {
            let next = turn(&bench, keys.removeFirst())
            #expect(next.count == 1 && next[0].job == JobID(1), "round \(round)")
            keys += next
            _ = bench.pass(.milliseconds(900))
            _ = bench.handle(.renewed(MemberID(1), keys))
        }
        // From now on what becomes free is kept.
        for _ in 0..<3 { #expect(turn(&bench, keys.removeFirst()).isEmpty) }
        let grants = turn(&bench, keys.removeFirst())
        #expect(grants.map(\.job) == [JobID(2)])
        _ = bench.finish(SchedulerBench.report(grants[0], seconds: 0.1))
        #expect(granted(bench.ask(1, free: Amounts(cpus: 4))) == [1, 1, 1, 1])
    }

    /// Keeps the worker free for job 2.
    private func kept() -> (SchedulerBench, [LeaseKey]) {
        var (bench, keys) = crowded()
        keys += turn(&bench, keys.removeFirst())
        _ = bench.pass(.seconds(2))
        _ = bench.pass(.seconds(1))
        _ = bench.handle(.renewed(MemberID(1), keys))
        #expect(turn(&bench, keys.removeFirst()).isEmpty)
        return (bench, keys)
    }

    @Test("what is more urgent does not wait for what is kept")
    func urgent() {
        var (bench, _) = kept()
        #expect(granted(bench.add(3, 1, .interactive)) == [3])
    }

    @Test("what is kept is free again when the job is over, or its worker goes")
    func released() {
        var (bench, _) = kept()
        var cancelled = bench
        _ = cancelled.settle(cancelled.handle(.cancelAsked(JobID(2), wallClockMs: 0)))
        #expect(SchedulerBench.grants(cancelled.pass(.milliseconds(100))).map(\.job) == [JobID(1)])
        // Another that is free takes the job: the first one is nobody's any more.
        known(&bench, 2, Amounts(cpus: 4))
        #expect(granted(bench.ask(2, free: Amounts(cpus: 4))) == [2])
        #expect(SchedulerBench.grants(bench.pass(.milliseconds(100))).map(\.job) == [JobID(1)])
    }

    @Test("beside what is kept others get what the job does not need")
    func spare() {
        var bench = SchedulerBench()
        known(&bench, 1, Amounts(cpus: 4, gpus: 1))
        let gpu = Needs(Amounts(cpus: 2, gpus: 1))
        _ = add(&bench, 1, 1, gpu)
        #expect(granted(bench.ask(1, free: Amounts(cpus: 4, gpus: 1))) == [1])
        _ = add(&bench, 2, 1, gpu)
        #expect(bench.ask(1, free: Amounts(cpus: 2)).isEmpty)
        _ = bench.pass(.seconds(2))
        #expect(bench.scheduler.needy.workers(keptFor: JobID(2)) == [MemberID(1)])
        // Two of four cpus and the GPU are the job's; the first job, which holds two, ends some time.
        #expect(granted(bench.add(3, 10)) == [3, 3])
        #expect(bench.ask(1, free: Amounts(cpus: 2)).isEmpty)
    }

    @Test("the worker with the least to wait for is kept, and not more of them than the bound")
    func choice() {
        var bench = SchedulerBench { $0.reservationsMax = 1 }
        for member in Int64(1)...3 { known(&bench, member, Amounts(cpus: member == 3 ? 8 : 4)) }
        bench.add(1, 1_000)
        for member in Int64(1)...3 {
            #expect(bench.ask(member, free: Amounts(cpus: member == 2 ? 2 : 4)).count == 1)
        }
        for job in Int64(2)...3 { _ = add(&bench, job, 5, Needs(Amounts(cpus: 4))) }
        for member in Int64(1)...3 { _ = bench.ask(member, free: .oneCPU) }
        _ = bench.pass(.seconds(1))
        for member in Int64(1)...3 { _ = bench.ask(member, free: .oneCPU) }
        _ = bench.pass(.seconds(2))
        #expect(bench.scheduler.needy.reservations.count == 1)
        #expect(bench.scheduler.needy.reservations.values.first?.job == JobID(2))
        #expect(bench.scheduler.needy.reservations.keys.first == MemberID(2))
    }

    @Test("an idle worker gets no copy that does not fit")
    func copies() {
        var bench = SchedulerBench()
        known(&bench, 1, Amounts(cpus: 4))
        known(&bench, 2, Amounts(cpus: 4))
        _ = add(&bench, 1, 2, Needs(Amounts(cpus: 4)))
        let keys = SchedulerBench.grants(bench.ask(1, free: Amounts(cpus: 4)))
        _ = bench.finish(SchedulerBench.report(keys[0], seconds: 0.1))
        #expect(granted(bench.ask(1, free: Amounts(cpus: 4))) == [1])
        _ = bench.ask(2, free: Amounts(cpus: 3))
        #expect(SchedulerBench.grants(bench.pass(.seconds(10))).isEmpty)
        _ = bench.ask(2, free: Amounts(cpus: 1))
        #expect(granted(bench.pass(.milliseconds(100))) == [1])
    }

    // MARK: Words

    @Test("why a job waits is told by what workers have, and by what is free of it")
    func words() {
        var bench = SchedulerBench()
        known(&bench, 1, Amounts(cpus: 4))
        #expect(bench.scheduler.lack(of: Needs(Amounts(cpus: 8))) == "needs 8 cpus, the largest worker has 4")
        bench.add(1, 10)
        _ = bench.ask(1, free: Amounts(cpus: 2))
        _ = add(&bench, 2, 1, Needs(Amounts(cpus: 4)))
        #expect(bench.scheduler.lack(of: Needs(Amounts(cpus: 4))) == nil)
        let now = bench.scheduler.lackNow(of: JobID(2))
        #expect(now?.words == "needs 4 cpus, the largest free worker has 2" && now?.keptWorker == nil)
    }
}
