internal import MusterSystem

/// What a machine has for the workers that a coordinator launches on it. They have equal parts of it: each of them says what it has, and
/// together it must not be more than there is.
package struct MachineMeans: Hashable, Sendable {
    /// Of each worker.
    package var slots: Int
    /// Bytes, of all together, as what follows.
    package var memory: Int
    /// The system's numbers of GPUs.
    package var gpus: [Int]
    package var counts: [String: Int]

    package init(slots: Int, memory: Int, gpus: [Int], counts: [String: Int]) {
        (self.slots, self.memory, self.gpus, self.counts) = (slots, memory, gpus, counts)
    }

    /// Of this machine, as the system counts it.
    package static var own: MachineMeans {
        MachineMeans(slots: 1, memory: SystemMemory.usable, gpus: GraphicsCards.usable, counts: [:])
    }

    /// What the worker of this number, from 1, has where so many share. Those above have slots alone.
    func part(of number: Int, among count: Int) -> MachineMeans {
        guard (1...max(1, count)).contains(number) else {
            return MachineMeans(slots: slots, memory: 0, gpus: [], counts: [:])
        }
        let share = max(1, count)
        func part(_ whole: Int) -> Int { whole / share + (number <= whole % share ? 1 : 0) }
        return MachineMeans(
            slots: slots, memory: memory / share,
            gpus: gpus.enumerated().filter { $0.offset % share == number - 1 }.map(\.element),
            counts: counts.mapValues(part).filter { $0.value > 0 })
    }

    /// As flags of `muster worker`. Of GPUs the environment tells which; a container sees itself what it is given of the rest.
    func arguments(inContainer: Bool) -> [String] {
        let own = inContainer ? [] : ["--memory", "\(memory)", "--gpus", gpus.isEmpty ? "0" : "auto"]
        return ["--slots", "\(slots)"] + own
            + counts.sorted { $0.key < $1.key }.flatMap { ["--resource", "\($0.key)=\($0.value)"] }
    }

    var environment: [String: String] {
        gpus.isEmpty ? [:] : ["CUDA_VISIBLE_DEVICES": gpus.map { "\($0)" }.joined(separator: ",")]
    }
}
