internal import MusterHTTP
internal import MusterNode
internal import MusterSystem

/// `muster up`.
package enum UpCommand {
    package static let workers = Flag<Int?>.int(
        "workers", "N", in: 0...256, "How many workers to have, each of one slot."
    ).defaulting(to: "as many as there were last on these data, at first 4")

    package static let command = Command(
        name: "up", summary: "run a whole fleet on this machine",
        description: [
            "Starts a coordinator and workers beside it, and ends them all on SIGINT or SIGTERM. Prints "
                + "'listening on URL' once it serves.",
            "As long as it listens on this machine only, and --token is not given, whoever sits at the machine needs no "
                + "token, a browser included. Old clients may use the classic routes.",
        ],
        flags: [
            workers.spec, CommonFlags.data.spec, CommonFlags.host.spec, CoordinatorCommand.port.spec,
            CoordinatorCommand.token.spec, CoordinatorCommand.wait.spec, CoordinatorCommand.isPrivate.spec,
        ] + SpawnFlags.all + CommonFlags.always,
        reservedFlags: ["edges", "demo"] + SpawnFlags.reserved,
        exits: CoordinatorCommand.command.exits,
        examples: [
            Command.Example("muster up", "Four workers, on port 8080."),
            Command.Example("muster up --workers 2 --port 0 --data /tmp/fleet", "Two, on any free port."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        // Before there are threads that would not inherit it.
        TimeSlice.short()
        let signals = stopSignals()
        var server = HTTPServer.Configuration()
        server.host = invocation[CommonFlags.host]
        server.port = UInt16(invocation[CoordinatorCommand.port])
        var configuration = CoordinatorConfiguration(
            dataDirectory: invocation[CommonFlags.data] + "/coordinator", server: server,
            adminToken: invocation[CoordinatorCommand.token], version: MusterCommand.version)
        configuration.renderWait = invocation[CoordinatorCommand.wait]
        configuration.access.isPrivate = invocation[CoordinatorCommand.isPrivate]
        configuration.access.isClassicOpen = true
        configuration.access.trustsLoopback =
            invocation[CoordinatorCommand.token] == nil && isLoopback(host: invocation[CommonFlags.host])
        SpawnFlags.apply(invocation, to: &configuration.spawning)
        configuration.spawning.workers = invocation[workers]
        configuration.spawning.workersAtFirst = 4
        let coordinator = try await CoordinatorCommand.started(configuration)
        try CoordinatorCommand.announce(coordinator, scheme: "http", invocation)
        try await CoordinatorCommand.serve(coordinator, until: signals)
    }

    static func isLoopback(host: String) -> Bool { host.hasPrefix("127.") || host == "::1" || host == "localhost" }
}
