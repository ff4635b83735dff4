package import MusterAPI
internal import MusterCore
internal import MusterJSON
package import MusterWire

/// The kernels of this version, by name.
package enum KernelTable {
    package static let all: [any Kernel.Type] = [
        NoopKernel.self, SleepKernel.self, FailKernel.self, SumKernel.self, PrimesKernel.self, RandomKernel.self,
        MandelbrotKernel.self, ContainerKernel.self, ExecKernel.self,
    ]
    package static let names: [String] = all.map { $0.name }
    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// Throws a 422 that lists the known names.
    package static func kernel(_ name: String, params: [UInt8]) throws(Problem) -> any Kernel {
        guard let type = byName[name] else {
            throw Problem(
                422, "Unknown kernel \"\(name)\"; there are: \(names.joined(separator: ", ")).", code: "field")
        }
        return try type.init(params: JSONFields(body: params))
    }

    /// False for an unknown one.
    package static func isDeterministic(_ name: String) -> Bool { byName[name]?.isDeterministic ?? false }

    /// How often a task of this kernel is tried where the job does not say.
    package static func attemptsDefault(_ name: String) -> Int {
        byName[name]?.attemptsDefault ?? Limits.attemptsDefault
    }

    /// Whether idle workers may compute again what others are slow with, where the job does not say.
    package static func isCopied(_ name: String) -> Bool { byName[name]?.isCopied ?? true }

    /// Refuses a job that no worker could ever run: kernel, params and each input are checked.
    package static func check(_ request: JobRequest) throws(Problem) {
        let kernel = try kernel(request.kernel, params: request.params)
        if let quorum = request.quorum, !type(of: kernel).isDeterministic {
            let others = all.filter { $0.isDeterministic }.map { $0.name }.joined(separator: ", ")
            throw Problem(
                422,
                "The kernel \"\(request.kernel)\" need not come to the same value twice, so that no \(quorum.needed) of "
                    + "\(quorum.voters) machines could agree; a quorum is for: \(others).", code: "field")
        }
        try kernel.check(count: request.count, hasInputs: request.inputs != nil)
        switch (type(of: kernel).input, request.inputs) {
        case (.required, nil):
            throw Problem(422, "The kernel \"\(request.kernel)\" needs \"inputs\", one a task.", code: "field")
        case (.none, .some):
            throw Problem(422, "The kernel \"\(request.kernel)\" takes no \"inputs\"; give \"count\".", code: "field")
        case (_, let inputs?): try check(inputs.bytes, kernel)
        case (.none, nil), (.optional, nil): break
        }
    }

    /// A million short texts are looked at where they lie.
    private static func check(_ lines: [UInt8], _ kernel: any Kernel) throws(Problem) {
        let plainBytesMax = kernel.plainTextBytesMax
        var (task, start) = (0, 0)
        while start < lines.count {
            var (end, isPlain) = (start, lines[start] == UInt8(ascii: "\""))
            while lines[end] != 0x0A {
                if lines[end] == UInt8(ascii: "\\") { isPlain = false }
                end += 1
            }
            // With its quotes.
            if !isPlain || plainBytesMax == 0 || end - start - 2 > plainBytesMax {
                try check(lines[start..<end], task, kernel)
            }
            (task, start) = (task + 1, end + 1)
        }
    }

    private static func check(_ line: ArraySlice<UInt8>, _ task: Int, _ kernel: any Kernel) throws(Problem) {
        guard line.count <= Limits.valueBytesMax else {
            throw Problem(422, "Input \(task) has \(line.count) bytes; at most \(Limits.valueBytesMax).", code: "field")
        }
        do throws(Problem) {
            try kernel.check(input: JSONValue(line: line))
        } catch {
            throw Problem(error.status, "Input \(task): \(error.detail)", code: "field")
        }
    }
}
