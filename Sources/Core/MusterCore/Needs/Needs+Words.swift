/// In words, for people.
extension Needs {
    /// `4 cpus`, `2 GiB of memory`, `label site=lab`, `2 of licences`; what is not needed is not named.
    package var words: [String] {
        amounts.words + labels.sorted { $0.key < $1.key }.map { "label \($0.key)=\($0.value)" }
    }

    /// What of it no such worker has; nil: some have all of it. `isFree`: it is what is free at them.
    package func lack(among workers: [Resources], isFree: Bool = false) -> String? {
        if workers.contains(where: { areMet(by: $0) }) { return nil }
        let (words, worker) = (lacks(among: workers, isFree ? "free worker" : "worker"), isFree ? "now" : "at once")
        if !words.isEmpty { return words.joined(separator: "; ") }
        return "needs \(self.words.joined(separator: ", ")), which no worker has all \(worker)"
    }

    /// Of each that no worker has enough of.
    private func lacks(among workers: [Resources], _ name: String) -> [String] {
        var found: [String] = []
        func most(_ needed: Int, _ what: String, of amount: (Amounts) -> Int, show: (Int) -> String = { "\($0)" }) {
            let largest = max(0, workers.map { amount($0.amounts) }.max() ?? 0)
            if needed > largest { found.append("needs \(what), the largest \(name) has \(show(largest))") }
        }
        most(amounts.cpus, Amounts.cpuWords(amounts.cpus), of: { $0.cpus })
        most(amounts.memory, Amounts.memoryWords(amounts.memory), of: { $0.memory }, show: Amounts.bytes)
        most(amounts.gpus, Amounts.gpuWords(amounts.gpus), of: { $0.gpus })
        for (count, needed) in amounts.counts.sorted(by: { $0.key < $1.key }) {
            most(needed, "\(needed) of \(count)", of: { $0.counts[count, default: 0] })
        }
        for (key, value) in labels.sorted(by: { $0.key < $1.key })
        where !workers.contains(where: { $0.labels[key] == value }) {
            found.append("needs label \(key)=\(value), no worker has it")
        }
        return found
    }
}

extension Amounts {
    package var words: [String] {
        [Self.cpuWords(cpus)] + (memory > 0 ? [Self.memoryWords(memory)] : []) + (gpus > 0 ? [Self.gpuWords(gpus)] : [])
            + counts.sorted { $0.key < $1.key }.map { "\($0.value) of \($0.key)" }
    }

    static func cpuWords(_ count: Int) -> String { count == 1 ? "1 cpu" : "\(count) cpus" }
    static func gpuWords(_ count: Int) -> String { count == 1 ? "1 gpu" : "\(count) gpus" }
    static func memoryWords(_ count: Int) -> String { "\(bytes(count)) of memory" }

    /// `1536 MiB`, `2 GiB`: as exact as whole numbers of a unit allow, else rounded down.
    static func bytes(_ count: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        var (rest, unit) = (count, 0)
        while rest >= 1_024, unit + 1 < units.count, rest % 1_024 == 0 || rest >= 10 << 10 {
            rest /= 1_024
            unit += 1
        }
        return "\(rest) \(units[unit])"
    }
}
