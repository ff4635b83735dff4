import Testing

@testable import MusterSpawning

/// Launched workers share a machine.
@Suite struct MachineMeansTests {
    private let machine = MachineMeans(slots: 2, memory: 1_000, gpus: [0, 1, 4, 7, 9], counts: ["a": 5, "b": 1])

    @Test(arguments: [1, 2, 3, 4, 7]) func partsAreNeverMoreThanTheWhole(_ count: Int) {
        let parts = (1...count + 2).map { machine.part(of: $0, among: count) }
        #expect(parts.map(\.memory).reduce(0, +) <= machine.memory)
        #expect(parts.prefix(count).allSatisfy { $0.memory == machine.memory / count })
        #expect(parts.flatMap(\.gpus).sorted() == machine.gpus)
        for name in ["a", "b"] {
            #expect(parts.compactMap { $0.counts[name] }.reduce(0, +) == machine.counts[name])
        }
        #expect(parts.allSatisfy { $0.slots == 2 })
    }

    @Test func aWorkerIsToldItsPart() {
        let part = machine.part(of: 2, among: 2)
        #expect(
            part.arguments(inContainer: false).joined(separator: " ")
                == "--slots 2 --memory 500 --gpus auto --resource a=2")
        #expect(part.environment == ["CUDA_VISIBLE_DEVICES": "1,7"])
        let later = machine.part(of: 3, among: 2)
        #expect(later.arguments(inContainer: false).joined(separator: " ") == "--slots 2 --memory 0 --gpus 0")
        #expect(later.environment.isEmpty)
    }
}
