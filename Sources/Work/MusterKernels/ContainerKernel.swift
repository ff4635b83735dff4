internal import MusterCore
package import MusterJSON
package import MusterWire

/// Runs a container for each task: its standard output is the result. Params are what all tasks have in common; an input, which a
/// task need not have, is an object with the same fields, and goes before them.
///
/// Needs a worker with a container engine. The container has no network unless asked for, no privileges, a root that it cannot
/// write to, and a bounded `/tmp`.
package struct ContainerKernel: Kernel {
    package static let name = "container"
    package static let summary = "runs a container of an image; its value is what that prints, with its exit code"
    package static let isDeterministic = false
    package static let input = KernelInput.optional
    /// What a command did it may do again: only where it is asked for.
    package static let attemptsDefault = 1
    package static let isCopied = false
    /// Of standard output; more is a failure.
    package static let outputBytesMax = 1 << 20
    /// Of standard error, its end.
    package static let errorBytesMax = 4 << 10
    /// Of standard output, its end, where a failed task left more than a value may have.
    package static let cutOutputBytesMax = 128 << 10

    private let common: ContainerTask
    private var engine: (any TaskContainers)?

    package init(params: JSONFields) throws(Problem) {
        var params = params
        var task = ContainerTask()
        try task.take(&params)
        try params.finish()
        common = task
    }

    /// The same kernel on a worker that has an engine.
    package func on(_ engine: (any TaskContainers)?) -> ContainerKernel {
        var copy = self
        copy.engine = engine
        return copy
    }

    package func check(input: JSONValue) throws(Problem) { _ = try task(input) }

    package func check(count: Int, hasInputs: Bool) throws(Problem) {
        if !hasInputs, common.image.isEmpty {
            throw Problem(422, "The kernel \"container\" needs \"image\" in its params or inputs.", code: "field")
        }
    }

    private func task(_ input: JSONValue?) throws(Problem) -> ContainerTask {
        var task = common
        if let input {
            var fields = try JSONFields(input, path: "")
            try task.take(&fields)
            try fields.finish()
        }
        guard !task.image.isEmpty else {
            throw Problem(422, "\"image\" is missing, and the params have none.", code: "field")
        }
        return task
    }

    package func run(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> [UInt8] {
        guard let engine else { throw TaskFailure("this worker has no container engine", isOwnFault: true) }
        let asked: ContainerTask
        do throws(Problem) {
            asked = try self.task(task.input)
        } catch {
            throw TaskFailure(error.detail)
        }
        let outcome = try engine.run(asked, cancellation)
        let value = outcome.value
        guard value.count <= Limits.valueBytesMax else {
            throw TaskFailure(
                "its standard output as JSON has \(value.count) bytes; at most \(Limits.valueBytesMax)",
                value: outcome.cutValue)
        }
        return value
    }
}

/// What a worker with a container engine can do.
package protocol TaskContainers: Sendable {
    /// Runs one container to its end, and leaves nothing of it. Blocks. Throws for what did not end by itself with code 0, with
    /// what it printed until then.
    func run(_ task: ContainerTask, _ cancellation: Cancellation) throws(TaskFailure) -> ContainerOutcome
}

/// One container to be run.
package struct ContainerTask: Hashable, Sendable {
    package var image = ""
    /// Empty: the image's own.
    package var command: [String] = []
    package var environment: [String: String] = [:]
    package var input: [UInt8] = []
    /// 0.1…86,400.
    package var seconds = 300.0
    /// 6 MiB or more.
    package var memoryBytes = 512 << 20
    package var hasNetwork = false

    package init() {}

    /// Throws a 422 for a wrong field.
    mutating func take(_ fields: inout JSONFields) throws(Problem) {
        if let image = try fields.string("image", bytesMax: 512) {
            guard Self.isImageName(image) else {
                throw Problem(422, "\"image\" is no image's name: \(image.prefix(80)).", code: "field")
            }
            self.image = image
        }
        if let words = try fields.array("command") {
            command = []
            for word in words {
                guard let text = word.string, !text.utf8.contains(0) else {
                    throw fields.wrong("command", word, "a list of strings")
                }
                command.append(text)
            }
        }
        if let variables = try fields.strings("env", countMax: 256) {
            guard !variables.contains(where: { $0.key.isEmpty || $0.key.contains("=") }) else {
                throw Problem(422, "A name in \"env\" is empty, or holds an equals sign.", code: "field")
            }
            environment.merge(variables) { $1 }
        }
        if let text = try fields.string("stdin", bytesMax: Limits.valueBytesMax) { input = Array(text.utf8) }
        seconds = try fields.double("seconds", in: 0.1...86_400) ?? seconds
        memoryBytes = try fields.int("memory-bytes", in: 6 << 20...1 << 50) ?? memoryBytes
        hasNetwork = try fields.bool("network") ?? hasNetwork
    }

    /// As engines take them; nothing that would be another request's path.
    static func isImageName(_ name: String) -> Bool {
        guard let first = name.utf8.first, first != UInt8(ascii: "/"), first != UInt8(ascii: "-") else { return false }
        return !name.contains("..") && !name.contains("//")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-._/:@".utf8.contains(byte)
                }
            }
    }
}

/// What a container printed, and how it ended.
package struct ContainerOutcome: Hashable, Sendable {
    package var output: [UInt8]
    /// The end of it.
    package var error: [UInt8]
    /// Nil: it was ended before it ended by itself.
    package var exitCode: Int?

    package init(output: [UInt8], error: [UInt8], exitCode: Int?) {
        (self.output, self.error, self.exitCode) = (output, error, exitCode)
    }

    /// `{"stdout":"…","exitCode":0,"stderr":"…"}`; output that is not UTF-8 stands in `stdoutBase64` instead.
    package var value: [UInt8] { value(of: output, isCut: false) }

    /// The same, of which a report can hold any: of too much output only the end, and `stdoutCut` says so.
    package var cutValue: [UInt8] {
        let whole = value
        if whole.count <= Limits.valueBytesMax { return whole }
        return value(of: output.suffix(ContainerKernel.cutOutputBytesMax), isCut: true)
    }

    private func value(of output: some Collection<UInt8>, isCut: Bool) -> [UInt8] {
        var json = JSONWriter(reserving: 128 + output.count + error.count)
        json.beginObject()
        if let text = String(validating: output, as: UTF8.self) {
            json.field("stdout", text)
        } else {
            json.field("stdoutBase64", Base64.encoded(output))
        }
        if isCut { json.field("stdoutCut", true) }
        json.key("exitCode")
        if let exitCode { json.value(exitCode) } else { json.null() }
        json.field("stderr", String(decoding: error, as: UTF8.self))
        json.endObject()
        return json.bytes
    }
}
