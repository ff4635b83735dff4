import Testing

@testable import MusterCore

@Suite("work and workers that may be gone")
struct SuspectTests {
    @Test("a suspect that asks late waits for its return: it is neither given what it lost nor a copy")
    func suspectsAsk() throws {
        var bench = SchedulerBench()
        bench.add(1, 2)
        _ = bench.finish(SchedulerBench.report(bench.take(1)[0], seconds: 0.01))
        let key = bench.take(1)[0]
        _ = bench.handle(.memberSuspected(MemberID(1)))
        #expect(bench.ask(1).isEmpty)
        let taken = try #require(bench.take(2).first)
        #expect(taken.tasks == key.tasks)
        #expect(SchedulerBench.grants(bench.pass(.seconds(1))).isEmpty)
        _ = bench.handle(.grantUndelivered([taken]))
        let returned = SchedulerBench.grants(bench.handle(.memberReturned(MemberID(1))))
        #expect(returned.map(\.member) == [MemberID(1)])
        #expect(returned.map(\.tasks) == [key.tasks])
    }

    @Test("one death is one, though the dead worker asked again before it was known")
    func oneDeath() {
        var bench = SchedulerBench { $0.crashLimit = 2 }
        bench.add(1, 1)
        for member in Int64(1)...2 {
            #expect(bench.take(member).map(\.tasks) == [0..<1])
            _ = bench.handle(.memberSuspected(MemberID(member)))
            _ = bench.ask(member)
            _ = bench.handle(.memberGone(MemberID(member), crashed: true, wallClockMs: 0))
            #expect(bench.scheduler.jobs[JobID(1)]?.casualties.kills(of: 0) == Int(member))
        }
        #expect(bench.scheduler.counters.parked == 1)
    }

    @Test("who is removed together with others is granted nothing that they held", arguments: [true, false])
    func removedTogether(isBroken: Bool) {
        var fleet = FleetCore(sealer: PlainSealer())
        var now = Moment.zero
        func handle(_ event: FleetEvent) -> [LeaseKey] {
            let effects = fleet.handle(event, now: now, wallClockMs: 0)
            return SchedulerBench.grants(effects.compactMap { if case .work(let effect) = $0 { effect } else { nil } })
        }
        func ask(_ member: Int64) -> [LeaseKey] {
            let call = LeaseCall(
                id: LeaseCallID(UInt64(member)), member: MemberID(member), slots: 1, kernels: ["k"])
            return handle(.work(.workAsked(call)))
        }
        for id in Int64(1)...3 {
            let record = MemberRecord(
                id: MemberID(id), name: "w\(id)", role: .worker, joinOrder: id, address: "", slots: 1, labels: [:],
                version: "", joinedMs: 0, incarnation: "a")
            _ = handle(.membership(.joined(record)))
            _ = handle(.membership(.connectionOpened(MemberID(id), connection: UInt64(id))))
        }
        let job = StoredJob(
            record: SchedulerBench.record(1, 1), state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:])
        _ = handle(.work(.jobAdded(RestoredJob(job: job, recorded: RangeSet()))))
        #expect(ask(1).map(\.member) == [MemberID(1)])
        #expect(ask(2).isEmpty)
        if isBroken {
            // A call that was on its way when its member's connection broke.
            for id in [UInt64(2), 1] {
                _ = handle(.membership(.connectionBroken(MemberID(Int64(id)), connection: id)))
            }
            #expect(ask(2).isEmpty)
        }
        var granted: [LeaseKey] = []
        for _ in 0..<60 {
            now = now + .milliseconds(100)
            _ = handle(.membership(.seen(MemberID(3))))
            granted += handle(.ticked)
        }
        #expect(fleet.membership.ranked.map(\.record.id) == [MemberID(3)])
        #expect(granted.isEmpty)
        #expect(ask(3).map(\.attempt) == [2])
    }
}
