internal import Glibc
internal import MusterHTTP
internal import MusterLaunch
internal import MusterLog
internal import MusterNode

/// `muster up`.
package enum UpCommand {
    package static let workers = Flag<Int>.int(
        "workers", "N", in: 0...256, default: 4, "How many workers to start, each of one slot.")

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
        ] + CommonFlags.always,
        reservedFlags: ["edges", "launcher", "demo"],
        exits: CoordinatorCommand.command.exits,
        examples: [
            Command.Example("muster up", "Four workers, on port 8080."),
            Command.Example("muster up --workers 2 --port 0 --data /tmp/fleet", "Two, on any free port."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
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
        let coordinator = try await CoordinatorCommand.started(configuration)
        try CoordinatorCommand.announce(coordinator, scheme: "http", invocation)
        let fleet = LocalWorkers(
            coordinator: coordinator, dataDirectory: invocation[CommonFlags.data], host: invocation[CommonFlags.host])
        try fleet.start(invocation[workers])
        try await CoordinatorCommand.serve(until: signals) {
            await fleet.stop()
            await coordinator.stop()
        }
    }

    static func isLoopback(host: String) -> Bool { host.hasPrefix("127.") || host == "::1" || host == "localhost" }
}

/// Workers as processes of this same program.
private final class LocalWorkers: Sendable {
    private let coordinator: Coordinator
    private let dataDirectory: String
    private let host: String
    @MainActor private var processes: [ChildProcess] = []

    @MainActor init(coordinator: Coordinator, dataDirectory: String, host: String) {
        (self.coordinator, self.dataDirectory, self.host) = (coordinator, dataDirectory, host)
    }

    /// Throws a `CommandError` when one cannot be started.
    @MainActor func start(_ count: Int) throws {
        let reached = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host
        let url = "http://\(reached.contains(":") ? "[\(reached)]" : reached):\(coordinator.port)"
        var environment = Self.environment()
        environment["MUSTER_TOKEN"] = coordinator.tokens.join
        for number in stride(from: 1, through: count, by: 1) {
            let log = "\(dataDirectory)/worker-\(number).log"
            do {
                processes.append(
                    try ChildProcess(
                        executable: "/proc/self/exe",
                        arguments: [
                            "worker", "--join", url, "--slots", "1", "--name", "worker-\(number)", "--data",
                            dataDirectory,
                        ], environment: environment, output: .file(path: log), killsGroupAtExit: true))
            } catch {
                throw CommandError(.osError, "cannot start worker \(number): \(error)")
            }
        }
    }

    private static func environment() -> [String: String] {
        var found: [String: String] = [:]
        var place = environ
        while let entry = place.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                found[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            place += 1
        }
        return found.filter { !$0.key.hasPrefix("MUSTER_") }
    }

    @MainActor func stop() async {
        for process in processes { process.terminate() }
        for process in processes where await process.wait(atMost: .seconds(10)) == nil { process.killGroup() }
    }
}
