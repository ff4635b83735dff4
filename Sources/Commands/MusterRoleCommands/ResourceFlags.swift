package import MusterCommandLine
internal import MusterCore
internal import MusterSystem

/// Flags of whatever has workers, about what these have beside slots.
package enum ResourceFlags {
    static let memory = Flag<Int?>.bytes(
        "memory", in: 0...Limits.memoryBytesMax,
        "Memory that tasks may need, all that run at one time together. It is counted, not enforced."
    ).defaulting(to: "what the machine has, or its control group leaves of it")
    static let gpus = Flag<String>.text(
        "gpus", "N", as: .text(bytesMax: 8, suggestions: ["auto"]), default: "auto",
        "GPUs that tasks may need, 0 to 64, by the numbers 0 to N-1; auto: those that CUDA_VISIBLE_DEVICES names, else each "
            + "/dev/nvidiaN.")
    static let counts = Flag.pairs(
        "resource", "NAME=N",
        "Whatever else tasks may need and people count: 'licences=3'. Tasks ask for it by --need-count.")

    static let all = [memory.spec, gpus.spec, counts.spec]

    /// Numbers of GPUs.
    @MainActor static func cards(_ invocation: Invocation) throws(CommandError) -> [Int] {
        let given = invocation[gpus]
        if given == "auto" { return Array(GraphicsCards.usable.prefix(Limits.gpusMax)) }
        guard let count = Int(given), (0...Limits.gpusMax).contains(count) else {
            throw .usage(
                "--gpus: \(CommandError.quoted(given)) is neither auto nor a whole number from 0 to \(Limits.gpusMax)")
        }
        return Array(0..<count)
    }

    /// Whole numbers by their names. Throws with the flag's name.
    package static func numbers(_ given: [KeyValue], _ flag: String) throws(CommandError) -> [String: Int] {
        var numbers: [String: Int] = [:]
        for pair in given {
            guard let number = Int(pair.value), (1...Limits.countMax).contains(number) else {
                throw .usage(
                    "--\(flag): \(CommandError.quoted(pair.value)) is not a whole number from 1 to \(Limits.countMax)")
            }
            guard pair.key.utf8.count <= Limits.nameBytesMax, Needs.isName(pair.key) else {
                throw .usage("--\(flag): a name has 1 to \(Limits.nameBytesMax) bytes, and no control characters")
            }
            guard numbers.updateValue(number, forKey: pair.key) == nil else {
                throw .usage("--\(flag): \(CommandError.quoted(pair.key)) is given twice")
            }
        }
        return numbers
    }
}
