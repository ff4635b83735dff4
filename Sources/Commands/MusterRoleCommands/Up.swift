internal import Glibc
internal import MusterAPI
internal import MusterClient
package import MusterCommandLine
internal import MusterCoordinator
internal import MusterCore
internal import MusterRole
internal import MusterSpawning
internal import MusterSystem

/// `muster up`.
package enum UpCommand {
    static let workers = Flag<Int?>.int(
        "workers", "N", in: 0...256, "How many workers to have."
    ).defaulting(to: "as many as there were last on these data, at first 4")

    static let slots = Flag<Int>.int(
        "slots", "N", in: 1...1024, default: 1,
        "Slots of each worker: a task that needs more cpus than these has no worker.")

    static let edges = Flag<Int>.int(
        "edges", "N", in: 0...64, default: 3,
        "How many edges to have, on ports 8001 and on, in front of an origin on port 9000; 0: no origin either.")

    package static let command = Command(
        name: "up", summary: "run a whole fleet on this machine",
        description: [
            "Starts a coordinator, and beside it workers, an origin of images and edges that cache them; ends them all on SIGINT "
                + "or SIGTERM. Prints 'listening on URL' once it serves. With --port 0 all of them take free ports.",
            "Where it listens for other machines (--host 0.0.0.0) it prints the line by which they join, at a terminal; 'muster "
                + "join-command' prints it again.",
            "Commands of the same user on this machine find its token by themselves, in whatever folder they run; a browser comes in "
                + "by the link that is printed, once, within ten minutes ('muster sign-in' prints another). Old clients may use the "
                + "classic routes; where it listens on this machine only, not through a proxy.",
            "What --memory, --gpus and --resource say is the machine's: the workers have equal parts of it, and those that 'muster scale' "
                + "adds later none. With --workers-max the parts are as many as there may be workers.",
        ],
        flags: [
            workers.spec, slots.spec, edges.spec, CommonFlags.data.spec, CoordinatorCommand.port.spec,
            CoordinatorCommand.token.spec, AccessFlags.readToken.spec, AccessFlags.hostName.spec,
            AccessFlags.callbackNetworks.spec, CoordinatorCommand.wait.spec, CoordinatorCommand.isPrivate.spec,
        ] + ResourceFlags.all + ServerFlags.plain + SpawnFlags.all + CommonFlags.always,
        rules: SpawnFlags.rules + [.exclusive(["workers", "workers-max"]), .exclusive(["workers", "workers-min"])],
        reservedFlags: ["demo"],
        exits: CoordinatorCommand.command.exits,
        examples: [
            Command.Example("muster up", "Four workers, on port 8080."),
            Command.Example("muster up --workers 2 --port 0 --data /tmp/fleet", "Two, on any free port."),
            Command.Example("muster up --workers-max 16", "As many workers as the queue needs: 0 to 16."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        // Before there are threads that would not inherit it.
        TimeSlice.short()
        let signals = stopSignals()
        let server = ServerFlags.plainConfiguration(
            invocation, port: invocation[CoordinatorCommand.port], name: "coordinator")
        var configuration = CoordinatorConfiguration(
            dataDirectory: invocation[CommonFlags.data] + "/coordinator", server: server,
            adminToken: invocation[CoordinatorCommand.token], version: MusterVersion.current)
        configuration.renderWait = invocation[CoordinatorCommand.wait]
        configuration.access.isPrivate = invocation[CoordinatorCommand.isPrivate]
        configuration.access.isClassicOpen = true
        configuration.access.hostNames = try AccessFlags.hostNames(invocation)
        configuration.access.isForThisMachine =
            invocation[CommonFlags.hosts].allSatisfy(isLoopback(host:)) && configuration.access.hostNames.isEmpty
        configuration.readToken = try AccessFlags.readToken(invocation)
        configuration.callbackNetworks = try AccessFlags.networks(invocation)
        try SpawnFlags.apply(invocation, to: &configuration.spawning)
        configuration.volunteers = try SpawnFlags.volunteers(invocation)
        configuration.spawning.workers = invocation[workers]
        configuration.spawning.workersAtFirst = 4
        configuration.spawning.machine = MachineMeans(
            slots: invocation[slots], memory: invocation[ResourceFlags.memory] ?? SystemMemory.usable,
            gpus: try ResourceFlags.cards(invocation),
            counts: try ResourceFlags.numbers(invocation[ResourceFlags.counts], "resource"))
        let parts = parts(invocation)
        // Before there is a new folder for nothing.
        try await CoordinatorCommand.requireFreePort(configuration.server)
        try shareTokens(configuration, among: parts.map(\.companion.name), invocation)
        configuration.spawning.companions = parts.map(\.companion)
        // A second for what an end takes besides.
        configuration.spawning.companionGrace =
            invocation[ServerFlags.drain] + invocation[ServerFlags.finish] + .seconds(1)
        let coordinator = try await CoordinatorCommand.started(configuration)
        let claim = OwnerPlace(invocation.environment).publish(entry(coordinator), port: Int(coordinator.port))
        defer { claim?.end() }
        try CoordinatorCommand.announce(coordinator, scheme: "http", invocation)
        for part in parts { try invocation.out.line("\(part.companion.name) at \(part.url)") }
        try invocation.out.line("in a browser, once, within ten minutes: \(coordinator.signInURL())")
        try invocation.out.flush()
        if !invocation[CommonFlags.hosts].allSatisfy(isLoopback(host:)) { tellHowToJoin(coordinator, invocation) }
        try await CoordinatorCommand.serve(coordinator, until: signals, invocation) { claim?.end() }
    }

    /// The line by which others join holds a token: it is for a person at a terminal, never for a log.
    @MainActor private static func tellHowToJoin(_ coordinator: Coordinator, _ invocation: Invocation) {
        guard isatty(STDOUT_FILENO) == 1 else {
            try? invocation.out.line("another machine joins by the line that 'muster join-command' prints here")
            try? invocation.out.flush()
            return
        }
        Task {
            let offer = await coordinator.joinOffer()
            let line = JoinLine(url: offer.url, token: offer.token, program: offer.program)
            try? invocation.out.line("on another machine, to have it join:\n\n\(line.text)\n")
            try? invocation.out.flush()
        }
    }

    /// By which commands of the same user find it.
    private static func entry(_ coordinator: Coordinator) -> OwnerPlace.Entry {
        let path = TokenStore.adminPath(in: coordinator.dataDirectory)
        let whole = realpath(path, nil)
        defer { free(whole) }
        return OwnerPlace.Entry(
            url: coordinator.ownURL, token: coordinator.tokens.admin, path: whole.map { String(cString: $0) } ?? path)
    }

    /// The coordinator's tokens are those of the origin and the edges from their first moment on. Throws a `CommandError`.
    @MainActor private static func shareTokens(
        _ configuration: CoordinatorConfiguration, among names: [String], _ invocation: Invocation
    ) throws(CommandError) {
        do throws(NodeError) {
            try makeOwnDirectory(configuration.dataDirectory)
            let tokens = try TokenStore(
                directory: configuration.dataDirectory, givenAdmin: configuration.adminToken,
                givenRead: configuration.readToken)
            for name in names {
                let directory = "\(invocation[CommonFlags.data])/\(name)"
                try makeOwnDirectory(directory)
                _ = try TokenStore(directory: directory, givenAdmin: tokens.admin, givenRead: tokens.read)
            }
        } catch {
            throw CommandError(error)
        }
    }

    /// The origin and the edges; each keeps its data in a folder of its name.
    @MainActor private static func parts(_ invocation: Invocation) -> [(companion: Companion, url: String)] {
        let count = invocation[edges]
        guard count > 0 else { return [] }
        let host = invocation[CommonFlags.host]
        let takesFree = invocation[CoordinatorCommand.port] == 0
        func port(_ usual: Int) -> Int { takesFree ? Int(freePort()) : usual }
        let shared =
            ["--data", invocation[CommonFlags.data], "--host", invocation[CommonFlags.hosts].joined(separator: ",")]
            + (invocation[CoordinatorCommand.isPrivate] ? ["--private"] : [])
            + ["--access-log", invocation[ServerFlags.accessLog]] + ServerFlags.limits(invocation)
        // Where all lines of the fleet are read.
        let sharesOutput = invocation[ServerFlags.accessLog] != "off"
        let near = host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host
        func url(_ port: Int) -> String { "http://\(near.contains(":") ? "[\(near)]" : near):\(port)" }
        let originPort = port(9_000)
        let origin = Companion(
            name: "origin", arguments: ["origin", "--port", "\(originPort)"] + shared, sharesOutput: sharesOutput)
        let ports = (1...count).map { port(8_000 + $0) }
        let peers = ports.map(url).joined(separator: ",")
        return [(origin, url(originPort))]
            + zip(1...count, ports).map { id, port in
                let arguments = [
                    "edge", "--id", "\(id)", "--port", "\(port)", "--upstream", url(originPort), "--peers", peers,
                ]
                let edge = Companion(
                    name: "edge-\(id)", arguments: arguments + ["--fleet-upstream"] + shared,
                    sharesOutput: sharesOutput)
                return (edge, url(port))
            }
    }

    /// Whether only this machine reaches what listens there.
    static func isLoopback(host: String) -> Bool {
        switch Authority.host(host) {
        case .address(let address)?: address.isLoopback
        case .name(let name)?: name == "localhost"
        case nil: false
        }
    }
}
