internal import MusterHTTP
internal import MusterNode
internal import MusterSystem

/// `muster up`.
package enum UpCommand {
    package static let workers = Flag<Int?>.int(
        "workers", "N", in: 0...256, "How many workers to have, each of one slot."
    ).defaulting(to: "as many as there were last on these data, at first 4")

    package static let edges = Flag<Int>.int(
        "edges", "N", in: 0...64, default: 3,
        "How many edges to have, on ports 8001 and on, in front of an origin on port 9000; 0: no origin either.")

    package static let command = Command(
        name: "up", summary: "run a whole fleet on this machine",
        description: [
            "Starts a coordinator, and beside it workers, an origin of images and edges that cache them; ends them all on SIGINT "
                + "or SIGTERM. Prints 'listening on URL' once it serves. With --port 0 all of them take free ports.",
            "As long as it listens on this machine only, and --token is not given, whoever sits at the machine needs no "
                + "token, a browser included. Old clients may use the classic routes.",
        ],
        flags: [
            workers.spec, edges.spec, CommonFlags.data.spec, CoordinatorCommand.port.spec,
            CoordinatorCommand.token.spec, CoordinatorCommand.wait.spec, CoordinatorCommand.isPrivate.spec,
        ] + ServerFlags.plain + SpawnFlags.all + CommonFlags.always,
        rules: SpawnFlags.rules, reservedFlags: ["demo"],
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
        server.hosts = invocation[CommonFlags.hosts]
        server.port = UInt16(invocation[CoordinatorCommand.port])
        server.limits.connectionsPerAddress = invocation[ServerFlags.perAddress]
        var configuration = CoordinatorConfiguration(
            dataDirectory: invocation[CommonFlags.data] + "/coordinator", server: server,
            adminToken: invocation[CoordinatorCommand.token], version: MusterCommand.version)
        configuration.renderWait = invocation[CoordinatorCommand.wait]
        configuration.access.isPrivate = invocation[CoordinatorCommand.isPrivate]
        configuration.access.isClassicOpen = true
        configuration.access.trustsLoopback =
            invocation[CoordinatorCommand.token] == nil && invocation[CommonFlags.hosts].allSatisfy(isLoopback(host:))
        try SpawnFlags.apply(invocation, to: &configuration.spawning)
        configuration.volunteers = try SpawnFlags.volunteers(invocation)
        configuration.spawning.workers = invocation[workers]
        configuration.spawning.workersAtFirst = 4
        let parts = parts(invocation, trustsLoopback: configuration.access.trustsLoopback)
        configuration.spawning.companions = parts.map(\.companion)
        let coordinator = try await CoordinatorCommand.started(configuration)
        try CoordinatorCommand.announce(coordinator, scheme: "http", invocation)
        for part in parts { try invocation.out.line("\(part.companion.name) at \(part.url)") }
        try invocation.out.flush()
        try await CoordinatorCommand.serve(coordinator, until: signals, invocation)
    }

    /// The origin and the edges. All of them know the one admin token, if it is given.
    @MainActor private static func parts(
        _ invocation: Invocation, trustsLoopback: Bool
    ) -> [(companion: Companion, url: String)] {
        let count = invocation[edges]
        guard count > 0 else { return [] }
        let host = invocation[CommonFlags.host]
        let takesFree = invocation[CoordinatorCommand.port] == 0
        func port(_ usual: Int) -> Int { takesFree ? Int(freePort()) : usual }
        let shared =
            ["--data", invocation[CommonFlags.data], "--host", invocation[CommonFlags.hosts].joined(separator: ",")]
            + (trustsLoopback ? ["--trust-loopback"] : [])
            + (invocation[CoordinatorCommand.isPrivate] ? ["--private"] : [])
        let near = host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host
        func url(_ port: Int) -> String { "http://\(near.contains(":") ? "[\(near)]" : near):\(port)" }
        let environment = invocation[CoordinatorCommand.token].map { ["MUSTER_TOKEN": $0] } ?? [:]
        let originPort = port(9_000)
        let origin = Companion(
            name: "origin", arguments: ["origin", "--port", "\(originPort)"] + shared, environment: environment)
        let ports = (1...count).map { port(8_000 + $0) }
        let peers = ports.map(url).joined(separator: ",")
        return [(origin, url(originPort))]
            + zip(1...count, ports).map { id, port in
                let arguments = [
                    "edge", "--id", "\(id)", "--port", "\(port)", "--upstream", url(originPort), "--peers", peers,
                ]
                let edge = Companion(
                    name: "edge-\(id)", arguments: arguments + ["--fleet-upstream"] + shared, environment: environment)
                return (edge, url(port))
            }
    }

    static func isLoopback(host: String) -> Bool { host.hasPrefix("127.") || host == "::1" || host == "localhost" }
}
