internal import Glibc
internal import MusterClient
package import MusterCommandLine
internal import MusterContainers
internal import MusterCore
internal import MusterKernels
internal import MusterLog
internal import MusterRole
internal import MusterScheduling
internal import MusterSystem
internal import MusterWorker
internal import Synchronization

/// `muster worker`.
package enum WorkerCommand {
    static let join = Flag<String>.required("join", "URL", as: .url, "The coordinator to join.")
    static let slots = Flag<Int?>.int(
        "slots", "N", in: 1...1024, "How many tasks it computes at one time."
    ).defaulting(to: "as many as it may use processors: by affinity, and by its control group's quota, rounded up")
    static let name = Flag<String?>.text(
        "name", "NAME", as: .text(bytesMax: 128, suggestions: []), "The name that its results carry."
    ).defaulting(to: "the machine's name and the process's number")
    static let labels = Flag.pairs(
        "labels", "K=V,...", commaSeparated: true, "What the coordinator is told about this worker.")

    static let machine = Flag<String?>.text(
        "machine", "ID", as: .text(bytesMax: 128, suggestions: []),
        "Which machine it counts as: results that are voted on count once a machine."
    ).defaulting(to: "what the system calls this machine, hashed")
    static let drain = Flag.seconds(
        "drain-seconds", in: 0...86_400, default: WorkerAgent.Settings().drainTime.inSeconds,
        "After SIGTERM, how long what it computes may take to finish before it is handed back.")
    static let orphan = Flag<Duration?>.seconds(
        "orphan-seconds", in: 0.1...86_400, "End when the coordinator was away for so long."
    ).defaulting(to: "never: it waits for the coordinator's return")

    static let socket = Flag<String?>.text(
        "docker-socket", "PATH", as: .file,
        "The container engine for tasks that are containers; none: it takes no such tasks."
    ).defaulting(to: "what DOCKER_HOST says, else \(EngineAddress.usualPath), where there is one")

    static let allowExec = Flag.bool(
        "allow-exec",
        "Run commands that the fleet's admins submit, as this user: whoever has the admin token can do here what you can."
    )

    package static let command = Command(
        name: "worker", summary: "join a coordinator and compute tasks",
        description: [
            "Runs until SIGINT or SIGTERM, then finishes or hands back what it holds, and ends. It only ever "
                + "connects out, so it may sit behind a firewall.",
            "While the coordinator is away it tries again, less and less often, and keeps finished results in "
                + "its data directory until they are acknowledged.",
        ],
        flags: [
            join.spec, slots.spec, name.spec, labels.spec, machine.spec, CommonFlags.data.spec, CommonFlags.token.spec,
            CommonFlags.tlsCA.spec, CommonFlags.noWebSocket.spec, drain.spec, orphan.spec, socket.spec, allowExec.spec,
        ] + WorkerFileFlags.all + ResourceFlags.all + CommonFlags.always,
        exits: [
            Command.Exit(.success, "It was asked to end, and did."),
            Command.Exit(.noInput, "The file of --tls-ca cannot be read."),
            Command.Exit(.internalError), Command.Exit(.osError),
            Command.Exit(.cannotCreate, "The data directory cannot be made."), Command.Exit(.inputOutput),
            Command.Exit(.noPermission), Command.Exit(.configuration),
        ],
        examples: [
            Command.Example(
                "muster worker --join http://127.0.0.1:8080", "A worker on every processor that it may use."),
            Command.Example(
                "muster worker --join https://hub.example:8080 --slots 2 --labels room=12,os=debian",
                "Two tasks at a time, with labels; the token is in MUSTER_TOKEN."),
            Command.Example(
                "muster worker --join http://127.0.0.1:8080 --memory 8G --resource licences=2",
                "Tasks that need memory, or a licence, are given no more of it than this."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let token = try token(invocation, data: invocation[CommonFlags.data], to: invocation[join])
        var settings = WorkerAgent.Settings()
        settings.slots = invocation[slots] ?? Processors.usable
        settings.drainTime = invocation[drain]
        settings.memory = invocation[ResourceFlags.memory] ?? SystemMemory.usable
        settings.gpus = try ResourceFlags.cards(invocation)
        settings.counts = try ResourceFlags.numbers(invocation[ResourceFlags.counts], "resource")
        var configuration = WorkerConfiguration(
            coordinatorURL: invocation[join], token: token, name: invocation[name] ?? defaultName(),
            labels: Dictionary(invocation[labels].map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }),
            dataDirectory: invocation[CommonFlags.data] + "/worker", agent: settings,
            tlsAuthority: invocation[CommonFlags.tlsCA], version: MusterVersion.current)
        configuration.usesWebSocket = !invocation[CommonFlags.noWebSocket]
        configuration.machine = invocation[machine]
        configuration.launch = invocation.environment[LaunchMark.variable]
        configuration.orphanTime = invocation[orphan]
        configuration.engine = try engine(invocation)
        if configuration.engine != nil { configuration.labels[ContainerEngineLabel.key] = ContainerEngineLabel.value }
        configuration.allowsExec = invocation[allowExec]
        try WorkerFileFlags.apply(invocation, to: &configuration)
        if configuration.allowsExec { configuration.labels[ExecLabel.key] = ExecLabel.value }
        do {
            let worker = try Worker(configuration)
            let service = invocation.serviceManager
            let drainTime = settings.drainTime
            // Caught from here on, whenever the task begins to look.
            let numbers = stopSignals()
            let abandons = Atomic(false)
            let signals = Task {
                var stops = 0
                for await number in numbers {
                    stops += 1
                    // Whoever sends SIGTERM twice has SIGKILL, and may just not know of the first.
                    if stops > 1, number == SIGINT {
                        abandons.store(true, ordering: .relaxed)
                        await worker.abandonAll()
                        endProcess(ExitCode.temporary.rawValue)
                    }
                    Log.notice("finishing what runs, then leaving; a second SIGINT ends it at once")
                    service.stopping(within: drainTime)
                    worker.terminate()
                }
            }
            defer { signals.cancel() }
            // A coordinator that is away is waited for.
            service.ready("at \(invocation[join])")
            try await worker.run()
            // It may have come to its end by that.
            if abandons.load(ordering: .relaxed) { endProcess(ExitCode.temporary.rawValue) }
        } catch let error as NodeError {
            throw CommandError(error)
        }
    }

    /// One that was not asked for is used where it is there.
    @MainActor private static func engine(_ invocation: Invocation) throws(CommandError) -> EngineAddress? {
        let given = invocation[socket]
        if given == "none" { return nil }
        do throws(EngineError) {
            let address = try EngineAddress(given: given, dockerHost: invocation.environment["DOCKER_HOST"])
            return given != nil || address.isUsable ? address : nil
        } catch {
            Log.notice("takes no tasks that are containers", ["reason": error.message])
            return nil
        }
    }

    /// The given one, else that of a fleet which this user runs there, or on the same data directory; none at a URL on this machine
    /// where there is none.
    @MainActor static func token(
        _ invocation: Invocation, data: String, to url: String
    ) throws(CommandError) -> String? {
        if let shown = try ShownToken(invocation, for: url, data: data, isFound: true) { return shown.text }
        if CoordinatorClient.isLoopback(url) { return nil }
        throw CommandError(
            .noPermission,
            "\(url) asks for the fleet's join token: --token or MUSTER_TOKEN; 'muster join-command', at the coordinator's machine, "
                + "prints a line that has it")
    }

    static func defaultName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, 255)
        let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(host.isEmpty ? "worker" : host)-\(getpid())"
    }
}
