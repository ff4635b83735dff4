/// What tasks take up while they run, as far as it can be counted; what a worker has of it; what of that is free.
package struct Amounts: Hashable, Sendable {
    /// Slots of a worker: about a processor each.
    package var cpus: Int
    /// Bytes.
    package var memory: Int
    package var gpus: Int
    /// Whatever else people count, by its name: licences, disks. Nothing stands here of which there is none.
    package var counts: [String: Int]

    package init(cpus: Int = 0, memory: Int = 0, gpus: Int = 0, counts: [String: Int] = [:]) {
        (self.cpus, self.memory, self.gpus) = (cpus, memory, gpus)
        self.counts = counts.allSatisfy { $0.value != 0 } ? counts : counts.filter { $0.value != 0 }
    }

    package static let oneCPU = Amounts(cpus: 1)

    package func fits(in room: Amounts) -> Bool {
        cpus <= room.cpus && memory <= room.memory && gpus <= room.gpus
            && (counts.isEmpty || counts.allSatisfy { $0.value <= room.counts[$0.key, default: 0] })
    }

    package static func += (sum: inout Amounts, more: Amounts) {
        sum.cpus += more.cpus
        sum.memory += more.memory
        sum.gpus += more.gpus
        if !more.counts.isEmpty { sum = sum.counting(more.counts, times: 1) }
    }

    /// Less than nothing is left where more is taken than is there.
    package static func -= (rest: inout Amounts, taken: Amounts) {
        rest.cpus -= taken.cpus
        rest.memory -= taken.memory
        rest.gpus -= taken.gpus
        if !taken.counts.isEmpty { rest = rest.counting(taken.counts, times: -1) }
    }

    package static func + (a: Amounts, b: Amounts) -> Amounts {
        var sum = a
        sum += b
        return sum
    }

    package static func - (a: Amounts, b: Amounts) -> Amounts {
        var rest = a
        rest -= b
        return rest
    }

    private func counting(_ more: [String: Int], times factor: Int) -> Amounts {
        let sums = counts.merging(more.mapValues { factor * $0 }, uniquingKeysWith: +)
        return Amounts(cpus: cpus, memory: memory, gpus: gpus, counts: sums)
    }

    /// Of each the lesser.
    package func least(_ other: Amounts) -> Amounts {
        var least = Amounts(cpus: min(cpus, other.cpus), memory: min(memory, other.memory), gpus: min(gpus, other.gpus))
        if counts.isEmpty, other.counts.isEmpty { return least }
        for name in Set(counts.keys).union(other.counts.keys) {
            let count = min(counts[name, default: 0], other.counts[name, default: 0])
            if count != 0 { least.counts[name] = count }
        }
        return least
    }

    /// Nothing of which there is less than nothing.
    package var notNegative: Amounts {
        Amounts(
            cpus: max(0, cpus), memory: max(0, memory), gpus: max(0, gpus), counts: counts.filter { $0.value > 0 })
    }
}
