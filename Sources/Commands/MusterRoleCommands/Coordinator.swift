internal import Glibc
internal import MusterClient
package import MusterCommandLine
internal import MusterCoordinator
internal import MusterCore
internal import MusterHTTP
internal import MusterLog
internal import MusterMembership
internal import MusterPostgres
internal import MusterRole
internal import MusterScheduling
internal import MusterSpawning
internal import MusterStore
internal import MusterSystem

/// `muster coordinator`.
package enum CoordinatorCommand {
    static let port = CommonFlags.port(default: 8080)
    static let silence = Flag.seconds(
        "silence-seconds", in: 0.5...3600, default: Membership.Settings().silenceTime.inSeconds,
        "How long a member may be silent before it is taken for dead.")
    static let grace = Flag.seconds(
        "grace-seconds", in: 0...3600, default: Membership.Settings().graceTime.inSeconds,
        "How long a member whose connection broke may take to come back.")
    static let lease = Flag.seconds(
        "lease-seconds", in: 1...3600, default: Scheduler.Settings().leaseTime.inSeconds,
        "How long a worker holds a task without a sign of life before the task is given to another.")
    static let crashLimit = Flag<Int>.int(
        "crash-limit", "N", in: 1...100, default: Scheduler.Settings().crashLimit,
        "A task in whose course this many workers died has failed for good, and is given to no other.")
    static let strictQuorum = Flag.bool(
        "strict-quorum",
        "Count machines for a quorum even where too few of the fleet's own are there: the job waits. Else workers are counted."
    )
    static let forget = Flag<Int>.int(
        "forget-days", "N", in: 1...36_500, default: CoordinatorConfiguration.forgetDaysDefault,
        "A volunteer's machine that was away for so long begins as unproven again, at the coordinator's next start; what it "
            + "did stays listed.")
    static let keepDays = Flag<Int?>.int(
        "keep-days", "N", in: 1...36_500,
        "Jobs that ended so long ago are forgotten, with all that is kept of them."
    ).defaulting(to: "jobs are kept")
    static let store = Flag<String?>.text(
        "store", "STORE", as: .text(bytesMax: 4096, suggestions: []),
        "Where to keep hard state: sqlite:PATH, or postgres://[USER@]HOST[:PORT]/DATABASE. A password belongs into PGPASSFILE or the "
            + "variable MUSTER_STORE: other users of the machine can read a command line."
    ).defaulting(to: "sqlite:DIR/coordinator/muster.sqlite, DIR being the data directory")
    static let openClassic = Flag.bool(
        "open-classic",
        "Let programs without a token use the classic routes, which old clients call; web pages of others may not.")
    static let isPrivate = Flag.bool("private", "Demand a token of those who only look at pictures, too.")
    static let wait = Flag.seconds(
        "wait-seconds", in: 0.1...3600, default: CoordinatorConfiguration.renderWaitDefault.inSeconds,
        "How long a picture waits for a worker when there is none, or none is free.")
    static let token = Flag<String?>.text(
        "token", "TOKEN", as: .secret,
        "The admin token. Better set by the variable: other users of the machine can read a command line."
    ).defaulting(to: "one made at the first start, kept in the data directory")

    package static let command = Command(
        name: "coordinator", summary: "run the control plane that workers join and clients ask",
        description: [
            "Runs until SIGINT or SIGTERM, then finishes what is in flight and ends. Prints 'listening on "
                + "URL' once it serves.",
            "It keeps jobs, their inputs and every result in an SQLite database in the data directory, or where --store says; what it "
                + "has acknowledged survives a crash at any moment. One coordinator at a time can use a data directory, or a database.",
        ],
        flags: [
            CommonFlags.data.spec, port.spec, token.spec, AccessFlags.readToken.spec,
            AccessFlags.hostName.spec, AccessFlags.callbackNetworks.spec, silence.spec, grace.spec, lease.spec,
            crashLimit.spec, strictQuorum.spec, forget.spec, keepDays.spec, store.spec, openClassic.spec,
            isPrivate.spec, wait.spec,
        ] + ServerFlags.all + SpawnFlags.all + CommonFlags.always,
        rules: [.together(["tls-cert", "tls-key"])] + SpawnFlags.rules,
        reservedFlags: ["standby"],
        exits: [
            Command.Exit(.success, "It was asked to end, and did."),
            Command.Exit(.data, "The database is damaged, or a newer version's, or another program's."),
            Command.Exit(.noInput, "The certificate or the key cannot be read."),
            Command.Exit(
                .unavailable,
                "The port is taken, another coordinator uses the data directory or the database, or the database's server is away."
            ),
            Command.Exit(.internalError), Command.Exit(.osError),
            Command.Exit(.cannotCreate, "The data directory cannot be made."), Command.Exit(.inputOutput),
            Command.Exit(.noPermission), Command.Exit(.configuration),
        ],
        examples: [
            Command.Example("muster coordinator", "For this machine only, on port 8080."),
            Command.Example(
                "MUSTER_TOKEN=secret muster coordinator --host 0.0.0.0 --data /var/lib/muster",
                "For every machine that can reach this one and knows the token."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        // Before there are threads that would not inherit it.
        TimeSlice.short()
        let caught = stopSignals(takesHangUp: invocation[CommonFlags.tlsCert] != nil)
        let coordinator = try await started(configuration(invocation))
        let signals = ServerFlags.rereadingCertificate(at: caught, invocation) {
            try coordinator.replaceCertificate($0, key: $1)
        }
        try announce(coordinator, scheme: invocation[CommonFlags.tlsCert] == nil ? "http" : "https", invocation)
        try await serve(coordinator, until: signals, invocation)
    }

    /// Throws a `CommandError` that names the port and what to pass instead, where somebody listens there.
    static func requireFreePort(_ server: HTTPServer.Configuration) async throws {
        try await translatingErrors { try HTTPServer.check(server) }
    }

    /// Throws a `CommandError`.
    static func started(_ configuration: CoordinatorConfiguration) async throws -> Coordinator {
        try await translatingErrors {
            // Before there is a new folder for nothing.
            try HTTPServer.check(configuration.server)
            let coordinator = try await Coordinator(configuration)
            try await coordinator.start()
            return coordinator
        }
    }

    @MainActor static func announce(_ coordinator: Coordinator, scheme: String, _ invocation: Invocation) throws {
        let urls = ServerFlags.urls(invocation, scheme: scheme, port: coordinator.port)
        for url in urls { try invocation.out.line("listening on \(url)") }
        try AccessFlags.tell(coordinator.tokens, in: coordinator.dataDirectory, invocation)
        try invocation.out.flush()
        invocation.serviceManager.ready("listening on \(urls.joined(separator: ", "))")
    }

    /// Ends the process after the first signal, once `stop` is through, and at the second one at once.
    @MainActor static func serve(
        _ coordinator: Coordinator, until signals: AsyncStream<Int32>, _ invocation: Invocation,
        atEnd: @escaping @Sendable () -> Void = {}
    ) async throws {
        let (drain, finish) = (invocation[ServerFlags.drain], invocation[ServerFlags.finish])
        var stopping: Task<Void, Never>?
        for await _ in signals {
            if stopping != nil {
                coordinator.killEverythingLaunched()
                exit(ExitCode.temporary.rawValue)
            }
            Log.notice("stopping; a second signal ends it at once")
            invocation.serviceManager.stopping(within: drain + finish)
            stopping = Task {
                atEnd()
                await coordinator.drain(for: drain)
                await coordinator.stop(graceSeconds: finish.inSeconds)
                exit(ExitCode.success.rawValue)
            }
        }
    }

    @MainActor private static func configuration(_ invocation: Invocation) throws -> CoordinatorConfiguration {
        let server = try ServerFlags.configuration(invocation, port: invocation[port], name: "coordinator")
        var configuration = CoordinatorConfiguration(
            dataDirectory: invocation[CommonFlags.data] + "/coordinator", server: server,
            adminToken: invocation[token], version: MusterVersion.current)
        configuration.store = try invocation[store].map(storePlace(of:))
        configuration.membership.silenceTime = invocation[silence]
        configuration.membership.graceTime = invocation[grace]
        configuration.scheduler.leaseTime = invocation[lease]
        configuration.scheduler.crashLimit = invocation[crashLimit]
        configuration.scheduler.isQuorumStrict = invocation[strictQuorum]
        configuration.forgetDays = invocation[forget]
        configuration.keepDays = invocation[keepDays]
        configuration.renderWait = invocation[wait]
        configuration.access.isPrivate = invocation[isPrivate]
        configuration.access.isClassicOpen = invocation[openClassic]
        configuration.access.hostNames = try AccessFlags.hostNames(invocation)
        configuration.readToken = try AccessFlags.readToken(invocation)
        configuration.callbackNetworks = try AccessFlags.networks(invocation)
        try SpawnFlags.apply(invocation, to: &configuration.spawning)
        configuration.volunteers = try SpawnFlags.volunteers(invocation)
        configuration.spawning.tlsAuthority = invocation[CommonFlags.tlsCert]
        return configuration
    }

    /// Throws a usage error for what `--store` cannot be.
    static func storePlace(of store: String) throws(CommandError) -> StorePlace {
        do throws(StoreError) { return try StorePlace(store) } catch { throw .usage("--store: \(error.message)") }
    }

    package static func text(of path: String) throws -> String {
        guard let bytes = try readWhole(path, bytesMax: 1 << 20) else {
            throw CommandError(.noInput, "there is no file \(path)")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Of a private key. Throws for one that others may read.
    static func secret(of path: String) throws -> String {
        do throws(NodeError) {
            guard let bytes = try readSecret(path, bytesMax: 1 << 20, isOurs: false) else {
                throw NodeError(.files, "there is no file \(path)")
            }
            return String(decoding: bytes, as: UTF8.self)
        } catch {
            throw CommandError(.noInput, "--tls-key: \(error.message)")
        }
    }

    /// Throws a `CommandError` for what a role throws when it cannot start.
    static func translatingErrors<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as NodeError {
            throw CommandError(error)
        } catch let error as HTTPServerError {
            let advice =
                error.isTaken ? "; another one listens there already: --port takes another port, 0 any free one" : ""
            throw CommandError(error.isTLS ? .configuration : .unavailable, error.message + advice)
        } catch let error as StoreError {
            let code: ExitCode =
                switch error.code {
                case .corrupt, .incompatible: .data
                case .locked, .unreachable: .unavailable
                case .full: .cannotCreate
                default: .inputOutput
                }
            throw CommandError(code, error.message)
        }
    }
}
