internal import Glibc
internal import MusterCore
package import MusterKernels
internal import MusterLaunch
internal import MusterLog
internal import MusterSystem

/// Runs commands on this machine as this process's user: each in a session and a folder of its own, of which nothing is left.
///
/// This process must not wait for children in other ways, and what its descendants leave behind becomes its own.
package final class CommandRunner: TaskCommands {
    /// Absolute, without links on the way: what processes carry begins with it.
    private let folder: String
    private let folders: ScratchFolders
    private let programs = ProgramLookup()
    private let nothing: CInt
    private let environment: TaskEnvironment
    /// Nil without an engine.
    private let containers: (any CommandContainers)?
    /// Nil: nobody can follow what commands print while they run.
    private let live: LiveOutput?
    private static let markName = "MUSTER_SCRATCH"

    /// `folder` exists and is this worker's own; `worker` is the name that tasks see. Variables that hold one of `secrets` are kept from
    /// tasks, and so are all of Muster's own. So many tasks as `slots` run at one time. What they print while they run goes to `live`, too.
    /// Nil, with `errno`: the folder cannot be found.
    package init?(
        folder: String, worker: String, secrets: [String], slots: Int = 1, containers: (any CommandContainers)? = nil,
        live: LiveOutput? = nil
    ) {
        guard let path = realpath(folder, nil) else { return nil }
        defer { free(path) }
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard nothing >= 0 else { return nil }
        self.folder = String(cString: path)
        folders = ScratchFolders(in: self.folder)
        (self.nothing, self.containers, self.live) = (nothing, containers, live)
        environment = TaskEnvironment(worker: worker, secrets: secrets)
        Environment.hideTokens()
        // A worker has few files open: some for each slot, and its connections.
        SystemLimits.restoreDescriptors(atLeast: 256 + 16 * slots)
        Descendants.keep()
    }

    deinit { close(nothing) }

    /// Ends what an earlier life of this worker left running, and removes its tasks' folders.
    package func removeLeftOvers() {
        let left = listDirectory(folder)
        let count = MarkedProcesses.end(mark: Self.mark(of: folder), folder: folder)
        if count > 0 {
            Log.notice("ended processes of tasks that an earlier worker left", ["processes": "\(count)"])
        }
        for name in left where !removeTree("\(folder)/\(name)") {
            Log.warning("a left-over folder of a task cannot be removed", ["folder": "\(folder)/\(name)"])
        }
    }

    /// Ends every process of a task whose folder is below this one, whichever worker's it is. How many were found.
    package static func endAll(below folder: String) -> Int {
        guard let path = realpath(folder, nil) else { return 0 }
        defer { free(path) }
        return MarkedProcesses.end(mark: mark(of: String(cString: path)))
    }

    private static func mark(of folder: String) -> [UInt8] { Array("\(markName)=\(folder)/".utf8) }

    /// SIGKILL to all that tasks have running: for the end of this process.
    package func endAll() { Descendants.end() }

    package func run(
        _ command: TaskCommand, _ cancellation: Cancellation, _ courier: (any TaskFileCourier)? = nil
    ) throws(TaskFailure) -> ExecOutcome {
        let scratch = try folders.take()
        var isOver = false
        defer { folders.giveBack(scratch, isOver: isOver) }
        guard let files = command.files else {
            return try run(command, cancellation, in: scratch, scratch.path, &isOver)
        }
        guard let courier else { throw TaskFailure("this worker carries no files of tasks", isOwnFault: true) }
        try courier.bring(files, into: scratch.path, cancellation)
        var outcome = try run(command, cancellation, in: scratch, try scratch.folder(files.folder), &isOver)
        guard outcome.isGood, !files.returned.isEmpty else { return outcome }
        do throws(TaskFailure) {
            outcome.files = try courier.take(files, from: scratch.path, cancellation)
        } catch {
            outcome.filesFault = error.reason
        }
        return outcome
    }

    /// `directory`: where it runs, in its scratch folder. `isOver` becomes true where nothing of it can be left.
    private func run(
        _ command: TaskCommand, _ cancellation: Cancellation, in scratch: ScratchFolder, _ directory: String,
        _ isOver: inout Bool
    ) throws(TaskFailure) -> ExecOutcome {
        if let image = command.image {
            guard let containers else { throw TaskFailure("this worker has no container engine", isOwnFault: true) }
            var command = command
            command.marks.append(environment.workerEntry)
            let tap = live.flatMap { live in command.run.map { live.begin($0) {} } }
            // What it could not say in time is in its result.
            defer { tap?.end(isWhole: true) }
            return try containers.run(command, image, in: scratch.path, at: directory, cancellation, tap)
        }
        let mark = Array("\(Self.markName)=\(scratch.path)".utf8)
        let (variables, path) = environment.variables(of: command, in: scratch.path, directory, mark: mark)
        let program: String
        switch programs.find(command.arguments[0], path: path, from: directory) {
        case .found(let found): program = found
        case .none(let end): return Self.outcome(end)
        }
        do throws(Session.Fault) {
            let input = command.input.isEmpty ? nil : try MemoryFile(command.input)
            let start = { (output: CInt, error: CInt) in
                Session.Start(
                    program: program, arguments: CStrings(command.arguments), variables: variables,
                    directory: directory, input: input?.descriptor ?? self.nothing, output: output, error: error,
                    mark: mark)
            }
            var running = try RunningCommand(command, cancellation, live, start)
            let outcome = running.finish()
            isOver = running.isWhole
            return outcome
        } catch {
            return try Self.outcome(error, of: command)
        }
    }

    private static func outcome(_ end: ExecOutcome.End) -> ExecOutcome {
        var outcome = ExecOutcome(end)
        outcome.startMs = SystemTime.wallClockMs()
        return outcome
    }

    /// What cannot be executed ends as a shell has it; what this machine lacks for now another may have.
    private static func outcome(_ fault: Session.Fault, of command: TaskCommand) throws(TaskFailure) -> ExecOutcome {
        if fault.isShortage {
            throw TaskFailure("no process could be started: \(fault.words)", isOwnFault: true)
        }
        let name = String(decoding: command.arguments[0].prefix(200), as: UTF8.self)
        if fault.isMissing { return outcome(.notFound("\(name), or the interpreter that its first line names")) }
        let why = fault.isTooLong ? "its arguments and its environment are too long together" : fault.words
        return outcome(.notExecutable("\(name): \(why)"))
    }
}
