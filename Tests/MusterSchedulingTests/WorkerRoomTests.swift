import MusterCore
import MusterSimulation
import Testing

@testable import MusterScheduling

/// What a worker gives its batches.
@Suite("worker's room")
struct WorkerRoomTests {
    private func agent(_ change: (inout WorkerAgent.Settings) -> Void) -> WorkerAgent {
        var settings = WorkerAgent.Settings()
        change(&settings)
        var agent = WorkerAgent(settings: settings, random: TestRandom(seed: 1))
        _ = agent.handle(.started(outbox: []), now: .zero)
        _ = agent.handle(.joined(MemberID(1)), now: .zero)
        return agent
    }

    private func grant(_ first: Int, _ amounts: Amounts? = nil) -> Grant {
        var grant = Grant(
            key: LeaseKey(job: JobID(1), first: first, count: 1, attempt: 1, member: MemberID(1)), ticket: "t",
            kernel: "k", params: [], hasInputs: false)
        grant.needs = amounts.map { Needs($0) }
        return grant
    }

    private func asks(_ effects: [WorkerAgent.Effect]) -> [Amounts] {
        effects.compactMap { if case .ask(let ask) = $0 { ask.free } else { nil } }
    }

    private func runs(_ effects: [WorkerAgent.Effect]) -> [Int: BatchShare] {
        effects.reduce(into: [:]) { if case .run(let grant, let share) = $1 { $0[grant.key.first] = share } }
    }

    @Test("a batch that needs several cpus takes as many slots, and no batch has another's slots or GPUs")
    func shares() {
        var agent = agent { ($0.slots, $0.gpus, $0.memory) = (6, [5, 2, 7], 100) }
        let two = Amounts(cpus: 2, gpus: 1)
        let effects = agent.handle(.leased(ask: 1, [grant(0, two), grant(1), grant(2, two)]), now: .zero)
        #expect(
            runs(effects) == [
                0: BatchShare(slots: [1, 2], gpus: [2], amounts: two), 1: BatchShare(slots: [3]),
                2: BatchShare(slots: [4, 5], gpus: [5], amounts: two),
            ])
        #expect(asks(effects) == [Amounts(cpus: 1, memory: 100, gpus: 1)])
        _ = agent.handle(.abandoned(grant(0, two).key), now: .zero)
        let next = agent.handle(.leased(ask: 2, [grant(3, Amounts(cpus: 1, gpus: 2))]), now: .zero)
        #expect(runs(next)[3]?.gpus == [2, 7] && runs(next)[3]?.slots == [1])
    }

    @Test("batches begin in the order they came, and none that does not fit what is free")
    func order() {
        var agent = agent { $0.slots = 4 }
        let effects = agent.handle(
            .leased(ask: 1, [grant(0), grant(1, Amounts(cpus: 4)), grant(2)]), now: .zero)
        #expect(runs(effects).keys.sorted() == [0])
        #expect(agent.waitingBatches == [grant(1).key, grant(2).key])
        #expect(asks(effects) == [])
        let ended = agent.handle(.abandoned(grant(0).key), now: .zero)
        #expect(runs(ended).keys.sorted() == [1])
        #expect(runs(agent.handle(.abandoned(grant(1).key), now: .zero)).keys.sorted() == [2])
    }

    @Test("what is asked for is neither running, nor waiting, nor asked for; what ends soon counts as free")
    func askable() {
        var agent = agent { ($0.slots, $0.memory, $0.counts) = (4, 10, ["a": 2]) }
        let large = Amounts(cpus: 2, memory: 6, counts: ["a": 1])
        let first = agent.handle(.leased(ask: 1, [grant(0, large)]), now: .zero)
        #expect(asks(first) == [Amounts(cpus: 2, memory: 4, counts: ["a": 1])])
        let ahead = agent.handle(.nearlyFinished(grant(0).key), now: .zero)
        #expect(asks(ahead) == [large])
        #expect(runs(agent.handle(.leased(ask: 3, [grant(1, large)]), now: .zero)).isEmpty)
        #expect(runs(agent.handle(.abandoned(grant(0).key), now: .zero)).keys.sorted() == [1])
    }

    @Test("an ask that was merged goes on as a part of the later one")
    func merged() {
        var agent = agent { $0.slots = 4 }
        let one = (0..<4).map { grant($0) }
        #expect(runs(agent.handle(.leased(ask: 1, one), now: .zero)).count == 4)
        #expect(asks(agent.handle(.abandoned(one[0].key), now: .zero)) == [.oneCPU])
        #expect(asks(agent.handle(.abandoned(one[1].key), now: .zero)) == [.oneCPU])
        // Both are under way: the third slot is not asked for until one of them is answered.
        #expect(asks(agent.handle(.abandoned(one[2].key), now: .zero)) == [])
        #expect(asks(agent.handle(.leased(ask: 2, [], isMerged: true), now: .zero)) == [.oneCPU])
        #expect(asks(agent.handle(.abandoned(one[3].key), now: .zero)) == [])
        #expect(asks(agent.handle(.leased(ask: 3, [], isMerged: true), now: .zero)) == [.oneCPU])
        #expect(asks(agent.handle(.leased(ask: 4, [], isMerged: true), now: .zero)) == [])
        // All four slots by one answer.
        let whole = grant(9, Amounts(cpus: 4))
        #expect(runs(agent.handle(.leased(ask: 5, [whole]), now: .zero))[9]?.slots == [1, 2, 3, 4])
        #expect(asks(agent.handle(.abandoned(whole.key), now: .zero)) == [Amounts(cpus: 4)])
    }

    @Test("where the later ask failed before the earlier one was known to be merged, all is asked for again")
    func mergedIntoNothing() {
        var agent = agent { $0.slots = 2 }
        #expect(runs(agent.handle(.leased(ask: 1, [grant(0), grant(1)]), now: .zero)).count == 2)
        _ = agent.handle(.abandoned(grant(0).key), now: .zero)
        _ = agent.handle(.abandoned(grant(1).key), now: .zero)
        _ = agent.handle(.askFailed(ask: 3, isStranger: false), now: .zero)
        let later = Moment.zero + .seconds(60)
        #expect(asks(agent.handle(.leased(ask: 2, [], isMerged: true), now: later)) == [Amounts(cpus: 2)])
    }

    @Test("what came and found no room for too long is left to others, and its room is free again")
    func givesUp() {
        var agent = agent { $0.slots = 2 }
        _ = agent.handle(.leased(ask: 1, [grant(0), grant(1, Amounts(cpus: 2))]), now: .zero)
        #expect(asks(agent.handle(.ticked, now: Moment.zero + .milliseconds(1_001))) == [.oneCPU])
        #expect(agent.waitingBatches.isEmpty)
    }
}
