import MusterCore
import MusterSimulation
import Testing

@Suite("liars")
struct LiarTests {
    @Test("what is accepted of lies stays within what is promised", arguments: [1, 2] as [UInt64])
    func promises(seed: UInt64) {
        for line in LiarBench.run(seed: seed, tasks: 5_000) {
            #expect(line.complaint == nil, "\(line.name); replay: muster-sim --liars --first \(seed)")
            #expect(line.outcome.isOver)
        }
    }

    @Test("liars are out in the end, honest machines are not")
    func out() {
        var plan = LiarFleet.Plan()
        plan.lie = .colluding
        let outcome = LiarFleet.run(plan, seed: 3)
        #expect(outcome.liarsOut == plan.liars)
        #expect(outcome.honestOut == 0)
    }

    @Test("one machine that poses as ten has one vote; counted by name it would win")
    func posing() {
        var plan = LiarFleet.Plan()
        (plan.machines, plan.liars, plan.names, plan.tasks) = (6, 1, 10, 1_000)
        (plan.lie, plan.quorum) = (.colluding, Quorum("2/3"))
        #expect(LiarFleet.run(plan, seed: 1).wrong == 0)
        plan.countsNames = true
        #expect(LiarFleet.run(plan, seed: 1).wrong > 0)
    }

    @Test("a seed is a run")
    func deterministic() {
        var plan = LiarFleet.Plan()
        plan.tasks = 500
        #expect(LiarFleet.run(plan, seed: 9) == LiarFleet.run(plan, seed: 9))
    }
}
