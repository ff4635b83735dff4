import MusterScaleSimulation
import Testing

@Suite("simulation of as many workers as needed")
struct ScaleSimulationTests {
    @Test("as many as needed, never too many, and none is ended with what it has", arguments: 1...40)
    func seeds(seed: UInt64) {
        #expect(ScaleSimulation.run(seed: seed).violation == nil, "replay: make sim SEED=\(seed)")
    }

    @Test("a seed is a run")
    func deterministic() {
        for seed in UInt64(1)...5 { #expect(ScaleSimulation.run(seed: seed) == ScaleSimulation.run(seed: seed)) }
    }

    @Test("the checkers catch planted bugs", arguments: ScaleBug.allCases)
    func plantedBugs(bug: ScaleBug) {
        #expect((1...100).contains { ScaleSimulation.run(seed: $0, bug: bug).violation != nil })
    }
}
