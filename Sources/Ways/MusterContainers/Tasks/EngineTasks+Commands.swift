internal import Glibc
internal import MusterCore
package import MusterKernels
internal import MusterSystem

/// Commands of people's own in containers: each has a container for itself, with its task's folder as the one place beside `/tmp`
/// where it can write.
extension EngineTasks: CommandContainers {
    package func run(
        _ command: TaskCommand, _ image: TaskImage, in folder: String, at directory: String,
        _ cancellation: Cancellation, _ tap: (any TaskOutputTap)? = nil
    ) throws(TaskFailure) -> ExecOutcome {
        if geteuid() == 0 { try giveToNobody(folder) }
        return try patiently(until: nil, cancellation) { () throws(EngineError) in
            let (kind, facts) = try blocking { [engine] () async throws(EngineError) in
                (try await engine.kind(), try await engine.facts())
            }
            let container = CommandContainer(kind: kind, facts: facts, worker: (geteuid(), getegid()))
            var spec: ContainerSpec
            do throws(TaskFailure) {
                spec = try container.spec(of: command, image, in: folder, at: directory)
            } catch {
                return .failure(error)
            }
            spec.labels = ownLabels
            return .success(try runOnce(command, spec, kind, cancellation, tap))
        }
    }

    private func giveToNobody(_ folder: String) throws(TaskFailure) {
        guard !Self.giveFolders(in: folder) else { return }
        throw TaskFailure(
            "the task's folder cannot be given to nobody: \(String(cString: strerror(errno)))", isOwnFault: true)
    }

    /// The folder and those in it: the command writes beside the files that were sent along. These are the cache's, and stay what they are.
    private static func giveFolders(in folder: String) -> Bool {
        guard lchown(folder, CommandContainer.nobody, CommandContainer.nobody) == 0 else { return false }
        return listDirectory(folder).map { "\(folder)/\($0)" }.allSatisfy { path in
            var status = stat()
            guard lstat(path, &status) == 0 else { return false }
            return status.st_mode & S_IFMT != S_IFDIR || giveFolders(in: path)
        }
    }

    private func runOnce(
        _ command: TaskCommand, _ spec: ContainerSpec, _ kind: EngineKind, _ cancellation: Cancellation,
        _ tap: (any TaskOutputTap)?
    ) throws(EngineError) -> ExecOutcome {
        let id = try blocking { [engine] () async throws(EngineError) in try await engine.create(spec, name: nil) }
        defer { remove(id) }
        do throws(EngineError) {
            return try follow(id, command, spec, kind, cancellation, tap)
        } catch {
            // Where the engine starts the program itself, it says so; else its init does, by the exit code.
            guard let end = Self.end(error, spec.entryPoint) else { throw error }
            var outcome = ExecOutcome(end)
            outcome.startMs = SystemTime.wallClockMs()
            return outcome
        }
    }

    private static func end(_ error: EngineError, _ program: String) -> ExecOutcome.End? {
        guard error.code == .refused || error.code == .notFound || error.code == .conflict else { return nil }
        let said = error.message.lowercased()
        let name = String(program.prefix(200))
        if said.contains("executable file") && said.contains("not found") { return .notFound(name) }
        guard said.contains("exec") else { return nil }
        if said.contains("no such file or directory") { return .notFound(name) }
        return said.contains("permission denied") ? .notExecutable("\(name): Permission denied") : nil
    }

    private func follow(
        _ id: String, _ command: TaskCommand, _ spec: ContainerSpec, _ kind: EngineKind, _ cancellation: Cancellation,
        _ tap: (any TaskOutputTap)?
    ) throws(EngineError) -> ExecOutcome {
        let prefix = try blocking { [engine] () async throws(EngineError) in try await engine.prefix() }
        let input = command.input.isEmpty ? "" : "&stdin=1"
        let stream = try AttachedStream(
            engine.address, target: "\(prefix)/containers/\(id)/attach?stream=1&stdout=1&stderr=1\(input)",
            input: command.input, within: 30)
        try blocking { [engine] () async throws(EngineError) in try await engine.start(id) }
        var running = RunningContainer(command)
        tap?.started(atMs: running.startMs)
        while true {
            try look(&running, id, cancellation)
            running.show(tap)
            let step = try stream.step(milliseconds: 20) { running.take($0, $1, tap) }
            if case .end = step { break }
        }
        var pause: UInt32 = 2_000
        while true {
            let found = try blocking { [engine] () async throws(EngineError) in try await engine.inspect(id) }
            guard let found else { return running.outcome(.signalled(Int(SIGKILL)), "; its container was removed") }
            if !found.isRunning {
                let memory = kind.memoryWords(of: found).map { ", \($0) at \(spec.limits.memoryBytes) bytes" } ?? ""
                let end = running.end(found.exitCode, of: spec.entryPoint)
                return running.outcome(end, spec.limits.memoryBytes > 0 ? memory : "")
            }
            try look(&running, id, cancellation)
            usleep(pause)
            pause = min(pause * 2, 50_000)
        }
    }

    /// Sends what is due: SIGTERM to its first process, SIGKILL to all.
    private func look(
        _ running: inout RunningContainer, _ id: String, _ cancellation: Cancellation
    ) throws(EngineError) {
        guard let signal = running.due(isCancelled: cancellation.isCancelled) else { return }
        _ = try blocking { [engine] () async throws(EngineError) in try await engine.kill(id, signal: signal) }
    }
}

/// A command in its container: how long it has, what it printed.
private struct RunningContainer {
    let startMs = SystemTime.wallClockMs()
    private let began = SystemTime.now()
    private let deadline: Moment?
    private let killAfter: Duration
    private let outputMax: Int
    private var stop: ExecOutcome.Stop?
    private var killAt: Moment?
    private var wasKilled = false
    private var output = ExecOutcome.Output.nothing
    private var error = ExecOutcome.Output.nothing

    init(_ command: TaskCommand) {
        deadline = command.timeout.map { [began] in began + $0 }
        (killAfter, outputMax) = (command.killAfter, command.outputMax)
    }

    mutating func take(
        _ stream: OutputFrames.Stream, _ piece: ArraySlice<UInt8>, _ tap: (any TaskOutputTap)?
    ) {
        let isError = stream == .error
        if let tap, tap.isFollowed {
            let place = isError ? error.count : output.count
            piece.withUnsafeBytes { tap.take($0, at: place, isError: isError) }
        }
        if isError {
            Self.add(piece, to: &error, atMost: outputMax)
        } else {
            Self.add(piece, to: &output, atMost: outputMax)
        }
    }

    /// To who begins to follow: what there was before.
    func show(_ tap: (any TaskOutputTap)?) {
        tap?.catchUp(output.kept, isError: false)
        tap?.catchUp(error.kept, isError: true)
    }

    /// The first bytes are kept, and all are counted.
    private static func add(_ piece: ArraySlice<UInt8>, to output: inout ExecOutcome.Output, atMost bytesMax: Int) {
        output.kept += piece.prefix(max(0, bytesMax - output.kept.count))
        output.count += piece.count
    }

    /// The name of a signal that it is to get now.
    mutating func due(isCancelled: Bool) -> String? {
        let now = SystemTime.now()
        if let killAt {
            guard now >= killAt, !wasKilled else { return nil }
            wasKilled = true
            return "SIGKILL"
        }
        guard isCancelled || deadline.map({ now >= $0 }) ?? false else { return nil }
        stop = isCancelled ? .cancelled : .timeout
        killAt = now + killAfter
        return "SIGTERM"
    }

    /// Podman's init has one exit code for whatever it could not run, and says which it is; Docker's has those of a shell.
    func end(_ code: Int, of program: String) -> ExecOutcome.End {
        let said = String(decoding: error.kept.prefix(200), as: UTF8.self)
        guard code == 1, said.hasPrefix("ERROR (catatonit"), said.contains("failed to exec pid1") else {
            return .exited(code)
        }
        let name = String(program.prefix(200))
        return said.contains("No such file") ? .notFound(name) : .notExecutable("\(name): Permission denied")
    }

    func outcome(_ end: ExecOutcome.End, _ note: String) -> ExecOutcome {
        var outcome = ExecOutcome(end)
        (outcome.stop, outcome.wasKilled, outcome.note) = (stop, wasKilled, note)
        (outcome.output, outcome.error) = (output, error)
        (outcome.startMs, outcome.time) = (startMs, SystemTime.now() - began)
        return outcome
    }
}
