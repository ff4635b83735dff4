internal import Glibc
internal import MusterAPI
internal import MusterContainers
internal import MusterCore
internal import MusterCrypto
internal import MusterExec
internal import MusterFileCache
internal import MusterKernels
internal import MusterLog
internal import MusterRole
internal import MusterScheduling
internal import MusterSystem
internal import Synchronization

/// A worker's driver: the HTTP client, threads and disk around the pure `WorkerAgent`. It dials out only.
package final class Worker: Sendable {
    struct State: ~Copyable {
        var agent: WorkerAgent
        var identity: MemberIdentity?
        /// Grants' inputs and tickets between their arrival and their start.
        var offers: [LeaseKey: LeaseOffer] = [:]
        /// From the moment in which a thread is asked for.
        var runs: [LeaseKey: BatchRun] = [:]
        /// What the coordinator has not heard of yet.
        var returned: Set<ReturnedTasks> = []
        var exit: CheckedContinuation<Void, any Error>?
        var ending: Result<Void, any Error>?
    }

    static let askSeconds = 30.0

    let configuration: WorkerConfiguration
    let folder: WorkerFolder
    let machine: String
    let calls: CoordinatorCalls
    let stream: WorkerStream
    let outbox: ReportOutbox
    let threads: ThreadPool
    /// Nil where there is no engine.
    let containers: EngineTasks?
    /// Nil where it may run none.
    let commands: CommandRunner?
    /// Nil where it runs no commands.
    let files: WorkerFiles?
    let kernels: [String]
    let state: Mutex<State>
    let incarnation: String

    /// Takes a free folder in the data directory. Throws `NodeError`.
    package init(_ configuration: WorkerConfiguration) throws {
        self.configuration = configuration
        incarnation = LaunchMark.incarnation(of: configuration.launch, hex(randomBytes(16)))
        try makeDirectory(configuration.dataDirectory)
        folder = try WorkerFolder(in: configuration.dataDirectory)
        machine = try configuration.machine ?? MachineName.own(directory: configuration.dataDirectory)
        calls = CoordinatorCalls(
            to: configuration.coordinatorURL, tlsAuthority: configuration.tlsAuthority,
            usesWebSocket: configuration.usesWebSocket)
        stream = WorkerStream(by: calls)
        outbox = ReportOutbox(folder)
        threads = ThreadPool(idleMax: configuration.agent.slots)
        let (mark, run) = (folder.mark, incarnation)
        containers = configuration.engine.map { EngineTasks($0, worker: mark, run: run) }
        commands = try configuration.allowsExec ? Self.commands(configuration, folder, containers, stream) : nil
        files = try configuration.allowsExec ? Self.files(configuration) : nil
        kernels = TaskMeans(containers: containers, commands: commands).kernels
        state = Mutex(
            State(
                agent: WorkerAgent(settings: configuration.agent, random: SystemRandomNumberGenerator()),
                identity: folder.identity(at: configuration.coordinatorURL)))
    }

    /// Works until it was told to stop and has left, or was refused for good (then it throws a `NodeError`).
    package func run() async throws {
        if let containers { Task { await containers.removeLeftOvers() } }
        handle(.started(outbox: folder.outbox()))
        let ticks = Task { [weak self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(100))
                self?.handle(.ticked)
                self?.lookAfterLongTasks()
                self?.writeOutbox()
                self?.giveUpAsOrphan()
            }
        }
        defer {
            ticks.cancel()
            stream.close()
            calls.close()
            endCommands()
            outbox.writeAll()
        }
        try await withCheckedThrowingContinuation { continuation in
            let ending: Result<Void, any Error>? = state.withLock { state in
                if state.ending == nil { state.exit = continuation }
                return state.ending
            }
            if let ending { continuation.resume(with: ending) }
        }
    }

    var means: TaskMeans {
        var means = TaskMeans(containers: containers, commands: commands)
        means.files = files
        return means
    }

    private static func files(_ configuration: WorkerConfiguration) throws(NodeError) -> WorkerFiles {
        do throws(FileCacheError) { return try WorkerFiles(configuration) } catch {
            throw NodeError(.files, error.message)
        }
    }

    /// What an earlier life left is ended before this one begins.
    private static func commands(
        _ configuration: WorkerConfiguration, _ folder: WorkerFolder, _ containers: EngineTasks?,
        _ stream: WorkerStream
    ) throws(NodeError) -> CommandRunner {
        let (path, secrets) = (folder.path + "/tasks", [configuration.token].compactMap { $0 })
        try makeDirectory(path)
        guard
            let runner = CommandRunner(
                folder: path, worker: configuration.name, secrets: secrets, slots: configuration.agent.slots,
                containers: containers, live: stream.live.output)
        else {
            throw NodeError(.setup, "\(path) cannot be found: \(String(cString: strerror(errno)))")
        }
        runner.removeLeftOvers()
        return runner
    }

    /// SIGTERM: finishes or hands back what runs, delivers, leaves.
    package func terminate() { handle(.terminated) }

    /// Before the process's end: nothing that tasks have running stays.
    private func endCommands() { commands?.endAll() }

    /// For an end at once: what runs is ended and nothing is told of it, as it is not its own fault; goodbye hands it back to others.
    package func abandonAll() async {
        let identity = state.withLock { state in
            for run in state.runs.values { run.cancellation.cancel() }
            return state.identity
        }
        endCommands()
        guard let identity else { return }
        await calls.sayGoodbye(identity, within: .seconds(2))
    }

    func handle(_ event: WorkerAgent.Event) { state.withLock { handle(event, &$0) } }

    func handle(_ event: WorkerAgent.Event, _ state: inout State) {
        let effects = state.agent.handle(event, now: SystemTime.now())
        for effect in effects { perform(effect, &state) }
    }

    private func perform(_ effect: WorkerAgent.Effect, _ state: inout State) {
        switch effect {
        case .join: join(state.identity)
        case .ask(let ask): self.ask(ask, state.identity)
        case .run(let grant, let share): begin(grant, share, &state)
        case .deliver(let ids): deliver(ids, state.identity)
        case .discard(let id, let verdict): discard(id, verdict)
        case .heartbeat(let keys): heartbeat(keys, state.returned, state.identity)
        case .abandon(let key): state.runs[key]?.cancellation.cancel()
        case .giveUpUnbegun(let running, let waiting): giveUpUnbegun(running, waiting, &state)
        case .leaveAndExit: leave(state.identity, hasBegunNothingElse: state.agent.hasBegunNothingElse)
        }
    }
}
