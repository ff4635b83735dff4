internal import CommandTemplates
internal import MusterAPI
package import MusterCore
internal import MusterFileLists
package import MusterJSON
package import MusterWire

/// Runs a command for each task, with the task's input in it: its exit code and what it prints are the result.
///
/// Needs a worker that was allowed to (`--allow-exec`). A failed command is not run again unless the job says so, and no idle
/// worker runs it a second time: what a command does it may do once only.
package struct ExecKernel: Kernel {
    package static let name = "exec"
    package static let summary = "runs a command for each task; its value is what that prints, with its exit code"
    package static let isDeterministic = false
    package static let input = KernelInput.optional
    package static let attemptsDefault = 1
    package static let isCopied = false
    package static let timesItself = true
    package static let variablesMax = 256
    /// Values of one task.
    package static let valuesMax = 256
    /// Of each output; of two such outputs a value may hold less.
    package static let outputBytesMax = 512 << 10

    private let task: ExecTask
    private var commands: (any TaskCommands)?
    private var courier: (any TaskFileCourier)?

    package init(params: JSONFields) throws(Problem) { task = try ExecTask(params: params) }

    /// The same kernel on a worker that may run commands. `courier` carries files of one batch, where its tasks have any.
    package func on(
        _ commands: (any TaskCommands)?, _ courier: @autoclosure () -> (any TaskFileCourier)? = nil
    ) -> ExecKernel {
        var copy = self
        copy.commands = commands
        if task.files != nil { copy.courier = courier() }
        return copy
    }

    package var deliveries: (any TaskFileCourier)? { courier }

    package func prepare(_ inputs: LineColumn?, first: Int) {
        guard let courier, let lines = inputs?.lines else { return }
        courier.expect(first..<first + lines.count) { index in
            let input = try? TaskInput(JSONValue(line: lines[index - first]))
            return input?.files ?? []
        }
    }

    package func check(input: JSONValue) throws(Problem) {
        let (value, files) = try parts(of: input)
        if task.takesInput { _ = try Self.text(value) }
        let values = task.takesInput ? [] : try Self.values(value)
        _ = try arguments(of: values, number: 1, slot: 1)
        guard let order = task.files else { return }
        _ = try order.expanded(values, files, number: 1, slot: 1)
    }

    package var plainTextBytesMax: Int {
        task.files == nil && !task.takesInput ? task.template.valueBytesSurelyTaken : 0
    }

    /// Its values, and its own files where the job is one with files.
    private func parts(of input: JSONValue) throws(Problem) -> (value: JSONValue, files: [FileItem]) {
        guard task.files != nil, let input = try TaskInput(input) else { return (input, []) }
        return (input.value, input.files)
    }

    package func check(count: Int, hasInputs: Bool) throws(Problem) {
        guard !hasInputs else { return }
        if task.takesInput {
            throw Problem(
                422, "\"stdin\" is \"value\": the job needs an input for each task.", code: "field")
        }
        do throws(TemplateError) {
            try task.template.check(sources: 0)
        } catch {
            throw Problem(422, "\(error)", code: "field")
        }
    }

    /// One for each source.
    private static func values(_ input: JSONValue) throws(Problem) -> [[UInt8]] {
        var values: [[UInt8]] = []
        for value in input.elements ?? [input] { values.append(try text(value, or: ", or a list of texts")) }
        guard (1...valuesMax).contains(values.count) else {
            throw Problem(422, "has \(values.count) texts; 1 to \(valuesMax).", code: "field")
        }
        return values
    }

    private static func text(_ value: JSONValue, or other: String = "") throws(Problem) -> [UInt8] {
        if let text = value.textBytes { return text }
        throw Problem(422, "must be a text\(other), not \(JSONFields.shown(value)).", code: "field")
    }

    /// The program and its arguments.
    private func arguments(of values: [[UInt8]], number: Int, slot: Int) throws(Problem) -> [[UInt8]] {
        do throws(TemplateError) {
            switch try task.template.expand(values, number: number, slot: slot) {
            case .arguments(let words): return words
            case .shell(let text):
                // What begins with a hyphen would be an option of the shell's.
                let isOption = text.first == UInt8(ascii: "-") || text.first == UInt8(ascii: "+")
                return [Self.shell, Self.shellOption, isOption ? [UInt8(ascii: " ")] + text : text]
            }
        } catch {
            throw Problem(422, "\(error)", code: "field")
        }
    }

    private static let shell = Array("/bin/sh".utf8)
    private static let shellOption = Array("-c".utf8)

    package func run(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> [UInt8] {
        guard let commands else {
            throw TaskFailure("this worker may not run commands (--allow-exec)", isOwnFault: true)
        }
        let outcome = try commands.run(try command(of: task), cancellation, courier)
        let value = outcome.value(atMost: Limits.valueBytesMax)
        if let reason = outcome.failure(timeoutSeconds: task.timeoutSeconds) { throw TaskFailure(reason, value: value) }
        return value
    }

    private func command(of task: KernelTask) throws(TaskFailure) -> TaskCommand {
        var values: [[UInt8]] = []
        var own: [FileItem] = []
        var given = self.task.input
        var command: TaskCommand
        do throws(Problem) {
            if let input = task.input {
                let parts = try parts(of: input)
                own = parts.files
                if self.task.takesInput {
                    given = try Self.text(parts.value)
                } else {
                    values = try Self.values(parts.value)
                }
            }
            command = TaskCommand(arguments: try arguments(of: values, number: task.index + 1, slot: task.slot))
            if let order = self.task.files {
                command.files = try order.expanded(values, own, number: task.index + 1, slot: task.slot)
                command.files?.task = task.index
            }
        } catch {
            throw TaskFailure(error.detail)
        }
        command.variables = self.task.variables
        if !task.gpus.isEmpty {
            let name = "CUDA_VISIBLE_DEVICES="
            command.variables.removeAll { $0.starts(with: name.utf8) }
            // A container has no others, and counts its own from 0.
            let seen = self.task.image.isEmpty ? task.gpus : Array(task.gpus.indices)
            command.variables.append(Array((name + seen.map { "\($0)" }.joined(separator: ",")).utf8))
        }
        command.marks = [
            Array("MUSTER_JOB=\(task.job)".utf8), Array("MUSTER_TASK=\(task.index)".utf8),
            Array("MUSTER_ATTEMPT=\(task.attempt)".utf8), Array("MUSTER_SLOT=\(task.slot)".utf8),
        ]
        if !values.isEmpty {
            let entry = Array("MUSTER_VALUE=".utf8) + values.joined(separator: [UInt8(ascii: " ")])
            // The system takes none that is longer, and would not run the command.
            if entry.count <= CommandTemplate.argumentBytesMax { command.marks.append(entry) }
        }
        command.run = TaskRunName(job: task.job, task: task.index, attempt: task.attempt)
        command.input = given
        command.processesMax = self.task.processesMax
        command.killAfter = .seconds(self.task.killAfter)
        command.outputMax = self.task.outputMax
        command.timeout = task.timeoutSeconds.map { .seconds($0) }
        if !self.task.image.isEmpty {
            command.image = TaskImage(
                name: self.task.image, hasNetwork: self.task.hasNetwork, cpus: task.cpus, memoryBytes: task.memoryBytes)
            command.image!.gpus = task.gpus
        }
        return command
    }
}

/// What a worker that may run commands can do.
package protocol TaskCommands: Sendable {
    /// Runs one command to its end, and leaves nothing of it. Blocks. Throws only for what is this machine's own fault: how the
    /// command ended is in the outcome.
    ///
    /// `courier`: brings the command's files, and takes what it returns, where it has any.
    func run(
        _ command: TaskCommand, _ cancellation: Cancellation, _ courier: (any TaskFileCourier)?
    ) throws(TaskFailure) -> ExecOutcome
}

/// A worker's container engine, for commands.
package protocol CommandContainers: Sendable {
    /// Runs one command in a container of its own, which has the task's `folder`, and leaves nothing of the container. It runs in `directory`,
    /// which is that folder or one in it. `tap` sees what it prints, as it comes. Blocks. Throws for what is this machine's own fault, and
    /// for what an engine cannot be told.
    func run(
        _ command: TaskCommand, _ image: TaskImage, in folder: String, at directory: String,
        _ cancellation: Cancellation, _ tap: (any TaskOutputTap)?
    ) throws(TaskFailure) -> ExecOutcome
}

/// In what a command runs that has a container.
package struct TaskImage: Hashable, Sendable {
    package var name: String
    package var hasNetwork: Bool
    /// Processors' worth of time.
    package var cpus: Int
    /// 0: as much as the machine has.
    package var memoryBytes: Int
    /// The machine's GPUs that it has, by their indexes.
    package var gpus: [Int] = []

    package init(name: String, hasNetwork: Bool, cpus: Int, memoryBytes: Int) {
        (self.name, self.hasNetwork, self.cpus, self.memoryBytes) = (name, hasNetwork, cpus, memoryBytes)
    }
}

/// One command to be run.
package struct TaskCommand: Hashable, Sendable {
    /// The program first: a path, or a name to be found on `PATH`.
    package var arguments: [[UInt8]]
    /// `NAME=VALUE` each, before those of the worker's environment.
    package var variables: [[UInt8]] = []
    /// The same, of Muster's own: which task it is.
    package var marks: [[UInt8]] = []
    package var input: [UInt8] = []
    /// After SIGTERM; then comes SIGKILL.
    package var killAfter: Duration = .seconds(5)
    /// Of each output.
    package var outputMax = 256 << 10
    /// Nil: it may take for ever.
    package var timeout: Duration?
    /// Processes that it may have at one time, itself included; nil: as many as the system lets it. In a container threads count, too.
    package var processesMax: Int?
    /// Nil: it has none.
    package var files: TaskFileList?
    /// Whose it is; nil: nobody's, and nobody can follow it.
    package var run: TaskRunName?
    /// Nil: it runs beside the worker, not in a container.
    package var image: TaskImage?

    package init(arguments: [[UInt8]]) { self.arguments = arguments }
}
