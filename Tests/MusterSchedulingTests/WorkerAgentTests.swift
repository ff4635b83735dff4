import MusterCore
import MusterSimulation
import Testing

@testable import MusterScheduling

@Suite("worker agent")
struct WorkerAgentTests {
    private func agent(slots: Int = 1) -> WorkerAgent {
        var settings = WorkerAgent.Settings()
        settings.slots = slots
        return WorkerAgent(settings: settings, random: TestRandom(seed: 1))
    }

    private func at(_ milliseconds: Int64) -> Moment { Moment(nanoseconds: milliseconds * 1_000_000) }

    private func grant(_ first: Int) -> Grant {
        Grant(
            key: LeaseKey(job: JobID(1), first: first, count: 1, attempt: 1, member: MemberID(1)), ticket: "t",
            kernel: "k", params: [], hasInputs: false)
    }

    private func ask(_ number: UInt64, slots: Int = 1) -> WorkerAgent.Effect {
        .ask(WorkerAsk(number, Amounts(cpus: slots)))
    }

    private func run(_ grant: Grant, slot: Int = 1) -> WorkerAgent.Effect { .run(grant, BatchShare(slots: [slot])) }

    @Test("joins, asks, runs, delivers, discards, asks again")
    func road() {
        var agent = agent()
        #expect(agent.handle(.started(outbox: []), now: at(0)) == [.join])
        #expect(agent.handle(.joined(MemberID(1)), now: at(1)) == [ask(1)])
        #expect(agent.handle(.leased(ask: 1, [grant(0)]), now: at(2)) == [run(grant(0))])
        let finished = agent.handle(.finished(grant(0).key, OutboxID(1), bytes: 10), now: at(3))
        #expect(finished == [.deliver([OutboxID(1)]), ask(2)])
        let delivered = agent.handle(.delivered([(OutboxID(1), .recorded(1))]), now: at(4))
        #expect(delivered == [.discard(OutboxID(1), .recorded(1))])
        #expect(agent.undelivered == 0)
    }

    @Test("asks for each free slot, and never for more")
    func slots() {
        var agent = agent(slots: 3)
        _ = agent.handle(.started(outbox: []), now: at(0))
        #expect(agent.handle(.joined(MemberID(1)), now: at(0)) == [ask(1, slots: 3)])
        #expect(agent.handle(.leased(ask: 1, [grant(0)]), now: at(1)) == [run(grant(0)), ask(2, slots: 2)])
        #expect(agent.handle(.abandoned(grant(0).key), now: at(2)) == [ask(3)])
    }

    @Test("asks that are held keep to their number, however many slots there are", arguments: [4, 256, 1_024])
    func fewAsks(slots: Int) {
        var agent = agent(slots: slots)
        _ = agent.handle(.started(outbox: []), now: at(0))
        #expect(agent.handle(.joined(MemberID(1)), now: at(0)) == [ask(1, slots: slots)])
        let grants = (0..<slots).map(grant)
        let runs = grants.map { run($0, slot: $0.key.first + 1) }
        #expect(agent.handle(.leased(ask: 1, grants), now: at(1)) == runs)
        // One slot after the other becomes free, and nothing is to be had.
        var held = 0
        for task in 0..<slots {
            for case .ask(let asked) in agent.handle(.abandoned(grant(task).key), now: at(2)) {
                #expect(asked.free == .oneCPU)
                held += 1
            }
        }
        #expect(held == WorkerAgent.asksMax)
        #expect(agent.handle(.ticked, now: at(3)) == [])
        // The next ask speaks for all that no other speaks for.
        #expect(agent.handle(.leased(ask: 2, []), now: at(4)) == [ask(4, slots: slots - held + 1)])
        let failed = agent.handle(.askFailed(ask: 4, isStranger: false), now: at(5))
        #expect(failed == [])
        #expect(agent.handle(.ticked, now: at(500)) == [ask(5, slots: slots - held + 1)])
    }

    @Test("an answer of again keeps the report, waits, and delivers it once more; so does a failed delivery")
    func again() {
        for event in [
            WorkerAgent.Event.delivered([(OutboxID(1), .again("full"))]),
            .deliveryFailed([OutboxID(1)], isStranger: false),
        ] {
            var agent = agent()
            _ = agent.handle(.started(outbox: [(OutboxID(1), bytes: 5)]), now: at(0))
            #expect(agent.handle(.joined(MemberID(1)), now: at(0)).first == .deliver([OutboxID(1)]))
            #expect(!agent.handle(event, now: at(1)).contains { if case .discard = $0 { true } else { false } })
            #expect(agent.undelivered == 1)
            let later = agent.handle(.ticked, now: at(500))
            #expect(later.contains(.deliver([OutboxID(1)])))
        }
    }

    @Test("while the coordinator is away it waits longer and longer, never at once")
    func backsOff() {
        var agent = agent()
        _ = agent.handle(.started(outbox: []), now: at(0))
        var (now, waits) = (Int64(0), [Int64]())
        for _ in 0..<12 {
            #expect(agent.handle(.joinFailed(retryAfter: nil), now: at(now)).isEmpty)
            let failedAt = now
            while !agent.handle(.ticked, now: at(now)).contains(.join) { now += 10 }
            waits.append(now - failedAt)
        }
        #expect(waits.allSatisfy { $0 >= 10 && $0 <= 30_010 })
        #expect(waits.suffix(4).max()! > waits.prefix(2).max()!)
        var told = self.agent()
        _ = told.handle(.started(outbox: []), now: at(0))
        _ = told.handle(.joinFailed(retryAfter: .seconds(7)), now: at(0))
        #expect(told.handle(.ticked, now: at(6_900)).isEmpty)
    }

    @Test("a stranger joins again and keeps what it has")
    func stranger() {
        var agent = agent()
        _ = agent.handle(.started(outbox: []), now: at(0))
        _ = agent.handle(.joined(MemberID(1)), now: at(0))
        _ = agent.handle(.leased(ask: 1, [grant(0)]), now: at(0))
        #expect(agent.handle(.heartbeatFailed(isStranger: true), now: at(1)) == [.join])
        #expect(agent.runningBatches == [grant(0).key])
        _ = agent.handle(.finished(grant(0).key, OutboxID(1), bytes: 1), now: at(2))
        #expect(agent.handle(.joined(MemberID(1)), now: at(3)).first == .deliver([OutboxID(1)]))
    }

    @Test("SIGTERM: no new work, what runs finishes and is delivered, then it leaves")
    func drains() {
        var agent = agent()
        _ = agent.handle(.started(outbox: []), now: at(0))
        _ = agent.handle(.joined(MemberID(1)), now: at(0))
        _ = agent.handle(.leased(ask: 1, [grant(0)]), now: at(0))
        #expect(agent.handle(.terminated, now: at(1)).isEmpty)
        let finished = agent.handle(.finished(grant(0).key, OutboxID(1), bytes: 1), now: at(2))
        #expect(finished == [.deliver([OutboxID(1)])])
        let delivered = agent.handle(.delivered([(OutboxID(1), .recorded(1))]), now: at(3))
        #expect(delivered == [.discard(OutboxID(1), .recorded(1)), .leaveAndExit])
        #expect(agent.handle(.ticked, now: at(4)).isEmpty)
    }

    @Test(
        "drained: no new work, and it leaves when what runs is delivered, however long that takes; SIGTERM hurries it")
    func isDrained() {
        var agent = agent(slots: 2)
        _ = agent.handle(.started(outbox: []), now: at(0))
        _ = agent.handle(.joined(MemberID(1)), now: at(0))
        _ = agent.handle(.leased(ask: 1, [grant(0)]), now: at(0))
        #expect(agent.handle(.drainAsked, now: at(1)).isEmpty)
        let late = agent.handle(.leased(ask: 2, [grant(1)]), now: at(2))
        #expect(late == [.giveUpUnbegun(running: [], waiting: [grant(1).key]), .heartbeat([grant(0).key])])
        _ = agent.handle(.heartbeatAnswered, now: at(3))
        #expect(agent.handle(.ticked, now: at(3_600_000)) == [.heartbeat([grant(0).key])])
        var hurried = agent
        _ = hurried.handle(.terminated, now: at(3_600_001))
        #expect(hurried.handle(.ticked, now: at(3_605_002)).first == .abandon(grant(0).key))
        _ = agent.handle(.finished(grant(0).key, OutboxID(1), bytes: 1), now: at(3_600_001))
        #expect(agent.handle(.delivered([(OutboxID(1), .recorded(1))]), now: at(3_600_002)).last == .leaveAndExit)
    }

    @Test("SIGTERM: what takes too long is handed back")
    func handsBack() {
        var agent = agent()
        _ = agent.handle(.started(outbox: []), now: at(0))
        _ = agent.handle(.joined(MemberID(1)), now: at(0))
        _ = agent.handle(.leased(ask: 1, [grant(0)]), now: at(0))
        _ = agent.handle(.terminated, now: at(0))
        #expect(agent.handle(.ticked, now: at(5_000)).first == .abandon(grant(0).key))
        #expect(agent.handle(.abandoned(grant(0).key), now: at(5_001)).last == .leaveAndExit)
        #expect(!agent.hasBegunNothingElse, "nobody knows how far it came")
    }

    @Test("what comes after SIGTERM is not begun, and that is said; who left with all delivered has begun nothing else")
    func comesTooLate() {
        var agent = agent(slots: 2)
        _ = agent.handle(.started(outbox: []), now: at(0))
        _ = agent.handle(.joined(MemberID(1)), now: at(0))
        _ = agent.handle(.leased(ask: 1, [grant(0)]), now: at(0))
        _ = agent.handle(.terminated, now: at(1))
        let late = agent.handle(.leased(ask: 2, [grant(1)]), now: at(2))
        #expect(late == [.giveUpUnbegun(running: [], waiting: [grant(1).key]), .heartbeat([grant(0).key])])
        #expect(agent.runningBatches == [grant(0).key] && !agent.hasBegunNothingElse)
        _ = agent.handle(.finished(grant(0).key, OutboxID(1), bytes: 1), now: at(3))
        #expect(!agent.hasBegunNothingElse, "its report is not answered yet")
        let delivered = agent.handle(.delivered([(OutboxID(1), .recorded(1))]), now: at(4))
        #expect(delivered.last == .leaveAndExit && agent.hasBegunNothingElse)
        #expect(agent.handle(.leased(ask: 3, [grant(2)]), now: at(5)).isEmpty && agent.hasBegunNothingElse)
    }

    @Test("who never joined, and whose report was refused, says nothing of what is leased in its name")
    func knowsNothing() {
        var stranger = agent()
        _ = stranger.handle(.started(outbox: []), now: at(0))
        #expect(stranger.handle(.terminated, now: at(1)).last == .leaveAndExit && !stranger.hasBegunNothingElse)
        var refused = agent()
        _ = refused.handle(.started(outbox: []), now: at(0))
        _ = refused.handle(.joined(MemberID(1)), now: at(0))
        _ = refused.handle(.leased(ask: 1, [grant(0)]), now: at(0))
        _ = refused.handle(.finished(grant(0).key, OutboxID(1), bytes: 1), now: at(3))
        #expect(refused.hasBegunNothingElse == false)
        _ = refused.handle(.delivered([(OutboxID(1), .forged)]), now: at(4))
        #expect(!refused.hasBegunNothingElse)
    }

    @Test("a revoked batch is given up; a strange one is not this worker's business")
    func revoked() {
        var agent = agent()
        _ = agent.handle(.started(outbox: []), now: at(0))
        _ = agent.handle(.joined(MemberID(1)), now: at(0))
        _ = agent.handle(.leased(ask: 1, [grant(0)]), now: at(0))
        #expect(agent.handle(.revoked([grant(7).key, grant(0).key]), now: at(1)) == [.abandon(grant(0).key)])
    }

    @Test("a full outbox stops the asking, deliveries are bounded")
    func bounds() {
        var agent = agent()
        let kept = (1...1_000).map { (OutboxID($0), bytes: 1 << 20) }
        _ = agent.handle(.started(outbox: kept), now: at(0))
        let effects = agent.handle(.joined(MemberID(1)), now: at(0))
        #expect(effects == [.deliver((1...8).map { OutboxID($0) })])
    }

    /// One slot, batch 0 nearly finished, batch 1 granted ahead of its end.
    private func agentAhead() -> WorkerAgent {
        var agent = agent()
        _ = agent.handle(.started(outbox: []), now: at(0))
        _ = agent.handle(.joined(MemberID(1)), now: at(0))
        _ = agent.handle(.leased(ask: 1, [grant(0)]), now: at(0))
        #expect(agent.handle(.nearlyFinished(grant(0).key), now: at(1)) == [ask(2)])
        #expect(agent.handle(.leased(ask: 2, [grant(1)]), now: at(2)) == [])
        return agent
    }

    @Test("asks before a batch ends, and begins the next in the freed slot, not beside it")
    func asksAhead() {
        var agent = agentAhead()
        #expect(agent.runningBatches == [grant(0).key] && agent.waitingBatches == [grant(1).key])
        let finished = agent.handle(.finished(grant(0).key, OutboxID(1), bytes: 10), now: at(3))
        #expect(finished == [run(grant(1)), .deliver([OutboxID(1)])])
        #expect(agent.waitingBatches == [])
        #expect(agent.handle(.nearlyFinished(grant(0).key), now: at(4)) == [])
    }

    @Test("what waits is renewed with what runs, and not begun once revoked or after SIGTERM")
    func waitingIsHeld() {
        var agent = agentAhead()
        #expect(agent.handle(.ticked, now: at(1_000)) == [.heartbeat([grant(0).key, grant(1).key])])
        var revoked = agent
        #expect(revoked.handle(.revoked([grant(1).key]), now: at(1_001)) == [ask(3)])
        #expect(revoked.waitingBatches == [])
        #expect(
            agent.handle(.terminated, now: at(1_001)) == [.giveUpUnbegun(running: [], waiting: [grant(1).key])],
            "told by the next heartbeat, which is under way still")
        let finished = agent.handle(.finished(grant(0).key, OutboxID(1), bytes: 10), now: at(1_002))
        #expect(finished == [.deliver([OutboxID(1)])])
    }

    @Test("what a halt is about is not begun, and is told at once")
    func halted() {
        var agent = agentAhead()
        let effects = agent.handle(.finishAsked([grant(0).key, grant(1).key, grant(7).key]), now: at(5))
        #expect(effects.first == .giveUpUnbegun(running: [grant(0).key], waiting: [grant(1).key]))
        #expect(effects.contains(.heartbeat([grant(0).key])))
        #expect(agent.waitingBatches == [] && agent.runningBatches == [grant(0).key])
    }

    @Test("a batch does not end as foretold: what waits for its slot is left to others")
    func waitsNotForEver() {
        var agent = agentAhead()
        _ = agent.handle(.ticked, now: at(1_000))
        _ = agent.handle(.heartbeatAnswered, now: at(1_000))
        #expect(
            agent.handle(.ticked, now: at(1_003)) == [.giveUpUnbegun(running: [], waiting: [grant(1).key])],
            "they are told")
        #expect(agent.waitingBatches == [])
        #expect(agent.handle(.ticked, now: at(2_000)) == [.heartbeat([grant(0).key])])
    }

    @Test("what somebody had before begins once everything finished is delivered, or a moment later")
    func deliversBeforeDanger() {
        var lost = grant(1)
        lost.key.attempt = 2
        var agent = agent()
        _ = agent.handle(.started(outbox: []), now: at(0))
        _ = agent.handle(.joined(MemberID(1)), now: at(0))
        _ = agent.handle(.leased(ask: 1, [grant(0)]), now: at(0))
        _ = agent.handle(.nearlyFinished(grant(0).key), now: at(1))
        _ = agent.handle(.leased(ask: 2, [lost]), now: at(2))
        #expect(agent.handle(.finished(grant(0).key, OutboxID(1), bytes: 9), now: at(3)) == [.deliver([OutboxID(1)])])
        var away = agent
        #expect(away.handle(.ticked, now: at(102)) == [run(lost)])
        let delivered = agent.handle(.delivered([(OutboxID(1), .recorded(1))]), now: at(4))
        #expect(delivered == [.discard(OutboxID(1), .recorded(1)), run(lost)])
    }
}
