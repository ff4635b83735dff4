import MusterEdgeSimulation
import Testing

@Suite("simulation of edges")
struct EdgeSimulationTests {
    @Test("elections keep their promises", arguments: 1...20)
    func seeds(seed: UInt64) {
        #expect(EdgeSimulation.run(seed: seed).violation == nil, "replay: make sim SEED=\(seed)")
    }

    @Test("a seed is a run")
    func deterministic() {
        for seed in UInt64(1)...3 { #expect(EdgeSimulation.run(seed: seed) == EdgeSimulation.run(seed: seed)) }
    }

    @Test("the checkers catch planted bugs", arguments: EdgeBug.allCases)
    func plantedBugs(bug: EdgeBug) {
        #expect((1...100).contains { EdgeSimulation.run(seed: $0, bug: bug).violation != nil })
    }

    @Test("a leader's crash costs at most 3(n-1) messages, and with notice no waiting", arguments: 3...16)
    func crash(count: Int) {
        for silently in [false, true] {
            let crash = EdgeScenarios.crash(count: count, seed: 1, silently: silently)
            #expect(crash.violation == nil)
            #expect(crash.messages >= count - 1, "everybody is told")
        }
    }

    @Test("edges that hear each other one way only do not elect without end", arguments: 1...5)
    func split(seed: UInt64) {
        #expect(EdgeScenarios.split(seed: seed).violation == nil)
    }
}
