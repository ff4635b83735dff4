internal import Glibc
internal import MusterCore
internal import MusterKernels

/// The container that a command gets, by what its worker's engine is and can do. It only decides.
struct CommandContainer: Sendable {
    /// Where the task's folder is, as the command sees it.
    static let taskFolder = "/work"
    /// Whom a worker that is root runs commands as: nobody, by the number that all systems have.
    static let nobody: uid_t = 65_534
    /// Processes and threads of a command that says nothing of them.
    private static let processesMax = 1_024

    let kind: EngineKind
    let facts: EngineFacts
    /// Whom the worker runs as.
    let worker: (user: uid_t, group: gid_t)

    /// `folder` is the task's, and `directory` in it, or it itself, is where the command runs. Throws for what this engine cannot be told, and
    /// for bounds that were asked for and that it would not hold: the latter are this machine's own fault.
    func spec(
        of command: TaskCommand, _ image: TaskImage, in folder: String, at directory: String
    ) throws(TaskFailure) -> ContainerSpec {
        var spec = ContainerSpec(image: image.name)
        let words = try Self.words(of: command)
        (spec.entryPoint, spec.command) = (words[0], Array(words.dropFirst()))
        (spec.mount, spec.mountPoint) = (folder, Self.taskFolder)
        spec.workingFolder = Self.taskFolder + directory.dropFirst(folder.count)
        spec.environment["PWD"] = spec.workingFolder
        for name in ["HOME", "TMPDIR", "MUSTER_SCRATCH"] { spec.environment[name] = Self.taskFolder }
        try Self.add(command.variables + command.marks, to: &spec)
        try setUser(of: &spec)
        try setLimits(of: &spec, command, image)
        guard image.gpus.isEmpty || kind != .podman else {
            throw TaskFailure(
                "Podman hands no GPUs on to containers by Docker's API: have the worker use Docker, or leave --image out",
                isOwnFault: true)
        }
        spec.gpus = image.gpus
        spec.network = image.hasNetwork ? "bridge" : "none"
        spec.logging = .none
        spec.hasInput = !command.input.isEmpty
        return spec
    }

    /// An engine is told in JSON.
    private static func words(of command: TaskCommand) throws(TaskFailure) -> [String] {
        var words: [String] = []
        for word in command.arguments {
            guard let text = String(validating: word, as: UTF8.self) else {
                throw TaskFailure("an argument is not UTF-8, which no container engine takes")
            }
            words.append(text)
        }
        return words
    }

    private static func add(_ variables: [[UInt8]], to spec: inout ContainerSpec) throws(TaskFailure) {
        for entry in variables {
            guard let text = String(validating: entry, as: UTF8.self) else {
                throw TaskFailure("a variable or a value is not UTF-8, which no container engine takes")
            }
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            spec.environment[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
    }

    /// Never root: the worker's user, or nobody, to whom the folder is given then. So what it leaves is the worker's to read and to remove.
    private func setUser(of spec: inout ContainerSpec) throws(TaskFailure) {
        spec.user = worker.user == 0 ? "\(Self.nobody):\(Self.nobody)" : "\(worker.user):\(worker.group)"
        guard facts.isRootless else { return }
        guard kind == .podman else {
            throw TaskFailure(
                "a Docker without root cannot give a container this worker's files: use Podman, or Docker with root",
                isOwnFault: true)
        }
        guard worker.user != 0 else {
            throw TaskFailure(
                "this worker is root, and its container engine is an ordinary user's: have one user run both",
                isOwnFault: true)
        }
        // Else its containers would have numbers of their own for users.
        spec.userNamespace = "keep-id"
    }

    private func setLimits(
        of spec: inout ContainerSpec, _ command: TaskCommand, _ image: TaskImage
    ) throws(TaskFailure) {
        if image.memoryBytes > 0, !facts.holdsMemory { throw Self.unbounded("--memory") }
        if command.processesMax != nil, !facts.holdsProcesses { throw Self.unbounded("--pids") }
        spec.limits.memoryBytes = image.memoryBytes
        spec.limits.cpus = facts.holdsCPUs ? Double(image.cpus) : 0
        spec.limits.pids = facts.holdsProcesses ? command.processesMax ?? Self.processesMax : 0
    }

    private static func unbounded(_ flag: String) -> TaskFailure {
        TaskFailure(
            "this worker's container engine holds no container to \(flag): leave it out, or run the engine as root or with control"
                + " groups of version 2", isOwnFault: true)
    }
}
