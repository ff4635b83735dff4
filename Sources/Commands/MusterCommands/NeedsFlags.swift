internal import MusterCommandLine
internal import MusterCore
internal import MusterRoleCommands

/// Flags of whatever hands the fleet a job, about what each task needs of the worker that runs it.
enum NeedsFlags {
    static let cpus = Flag<Int?>.int(
        "cpus", "N", in: 1...Limits.slotsMax, "Slots of a worker that each task takes while it runs."
    ).defaulting(to: "1").environment("MUSTER_NEED_CPUS")
    static let memory = Flag<Int?>.bytes(
        "memory", in: 1...Limits.memoryBytesMax,
        "Memory that is kept for each task while it runs, of what its worker has."
    ).defaulting(to: "none is counted").environment("MUSTER_NEED_MEMORY")
    static let gpus = Flag<Int?>.int(
        "gpus", "N", in: 1...Limits.gpusMax, "GPUs that each task has for itself while it runs."
    ).environment("MUSTER_NEED_GPUS")
    static let labels = Flag.pairs("need", "K=V", "Only workers with this label run it: 'muster worker --labels K=V'.")
    static let counts = Flag.pairs(
        "need-count", "NAME=N",
        "Each task takes N of what workers say that they have by this name: 'muster worker --resource NAME=N'.")
    static let failsIfImpossible = Flag.bool(
        "fail-if-impossible",
        "Refuse the job where no worker that has joined could ever run it. Without this it waits for one that can.")

    static let all = [cpus.spec, memory.spec, gpus.spec, labels.spec, counts.spec, failsIfImpossible.spec]

    /// Nil: one cpu and nothing else.
    @MainActor static func needs(_ invocation: Invocation) throws(CommandError) -> Needs? {
        var needs = Needs(
            Amounts(cpus: invocation[cpus] ?? 1, memory: invocation[memory] ?? 0, gpus: invocation[gpus] ?? 0))
        needs.amounts.counts = try ResourceFlags.numbers(invocation[counts], "need-count")
        for label in invocation[labels] {
            if let other = needs.labels.updateValue(label.value, forKey: label.key), other != label.value {
                throw .usage("--need: no worker has both \(label.key)=\(other) and \(label.key)=\(label.value)")
            }
        }
        return needs.areUsual ? nil : needs
    }
}
