import MusterSimulation
import Testing

@Suite("simulation of ranks")
struct RankSimulationTests {
    @Test("ranks and commands keep their promises", arguments: 1...40)
    func seeds(seed: UInt64) {
        #expect(RankSimulation.run(seed: seed).violation == nil, "replay: make sim SEED=\(seed)")
    }

    @Test("a seed is a run")
    func deterministic() {
        for seed in UInt64(1)...5 { #expect(RankSimulation.run(seed: seed) == RankSimulation.run(seed: seed)) }
    }

    @Test("the checkers catch planted bugs", arguments: RankBug.allCases)
    func plantedBugs(bug: RankBug) {
        #expect((1...100).contains { RankSimulation.run(seed: $0, bug: bug).violation != nil })
    }

    /// The batch of 50 hours runs with the simulation, in a release build.
    @Test("nobody who lives is removed, though a twentieth of all signs of life is lost", arguments: 1...2)
    func steadyFleet(seed: UInt64) {
        let outcome = SteadyFleet.run(seed: seed, hours: 1)
        #expect(outcome.removal == nil)
        #expect(outcome.pauses > 100 && outcome.pings > 100)
    }
}
