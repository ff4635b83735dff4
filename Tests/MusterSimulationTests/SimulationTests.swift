import MusterSimulation
import Testing

@Suite("simulation")
struct SimulationTests {
    /// Seeds that once found something stay.
    private static let found: [UInt64] = [
        103_435,  // Work of a removed worker was granted to another that was removed at the same tick.
        1_220,  // A vote that came late left its task waiting for a machine that nobody asked.
    ]

    @Test("the fleet keeps its promises", arguments: Array(1...40) + found)
    func seeds(seed: UInt64) {
        #expect(Simulation.run(seed: seed).violation == nil, "replay: make sim SEED=\(seed)")
    }

    @Test("a seed is a run: the same events, the same store")
    func deterministic() {
        for seed in UInt64(1)...5 { #expect(Simulation.run(seed: seed) == Simulation.run(seed: seed)) }
    }

    @Test("the checkers catch planted bugs", arguments: PlantedBug.allCases)
    func plantedBugs(bug: PlantedBug) {
        #expect((1...100).contains { Simulation.run(seed: $0, bug: bug).violation != nil })
    }
}
