internal import Glibc
internal import MusterCommandLine
internal import MusterHTTPClient
internal import MusterRoleCommands
internal import MusterSystem

/// `muster health`.
enum HealthCommand {
    static let url = Positional.optional(
        "URL", as: .url, "Whom to ask. Else the process is looked at, and asked where it listens.")
    static let pid = Flag<Int?>.int(
        "pid", "N", in: 1...4_194_304, "The process to look at."
    ).defaulting(to: "the oldest one of this program here, such as a container's only one")
    static let ready = Flag.bool(
        "ready",
        "Ask whether it can work, not only whether it lives: /readyz, and of what listens nowhere that it is connected."
    )
    /// Roles that answer /healthz and /readyz wherever they listen.
    private static let servers: Set<String> = ["coordinator", "up", "origin", "edge"]
    private static let timeout = Duration.seconds(3)

    static let command = Command(
        name: "health", summary: "ask a process of the fleet on this machine whether it is well",
        description: [
            "For a container's health check, and for probes. A coordinator, an origin or an edge is asked for /healthz "
                + "wherever it listens. A worker or a client listens nowhere: it is well when it runs, and ready when it holds "
                + "a connection.",
            "What serves HTTPS is only seen to listen, unless a URL is given. Nothing waits longer than 3 seconds.",
        ],
        positionals: [url.spec], flags: [pid.spec, ready.spec, CommonFlags.tlsCA.spec] + CommonFlags.always,
        exits: [
            Command.Exit(.success, "It is well."), Command.Exit(.failure, "It is not, or there is none."),
            Command.Exit(.internalError), Command.Exit(.inputOutput),
        ],
        examples: [
            Command.Example("muster health --ready", "In a container: whatever role it has."),
            Command.Example("muster health http://127.0.0.1:9000", "The origin of this machine."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        if let url = invocation[url] { return try await ask(url, invocation) }
        let process = try process(invocation)
        guard !process.arguments.isEmpty, !process.isStopped else { throw ill("process \(process.pid) does not run") }
        guard let sockets = process.sockets else {
            throw ill("process \(process.pid) belongs to another user: give the URL to ask")
        }
        let role = process.arguments.dropFirst().first ?? "muster"
        guard servers.contains(role) else {
            if invocation[ready], !sockets.contains(where: { $0.state == .connected }) {
                throw ill("the \(role), process \(process.pid), holds no connection")
            }
            return try say("the \(role), process \(process.pid), runs", invocation)
        }
        let listening = sockets.filter { $0.state == .listening }
        guard !listening.isEmpty else { throw ill("the \(role), process \(process.pid), does not listen") }
        if servesTLS(process, invocation) {
            return try say("the \(role), process \(process.pid), listens", invocation)
        }
        let path = try role == EdgeCommand.command.name ? ownPaths(process, invocation) : ""
        for socket in listening { try await ask("http://\(socket.host):\(socket.port)\(path)", invocation) }
    }

    /// Where an edge has its own routes.
    @MainActor private static func ownPaths(
        _ process: ProcessLook, _ invocation: Invocation
    ) throws(CommandError) -> String {
        let flag = EdgeCommand.ownPaths.spec
        let arguments = process.arguments
        let joined = arguments.first { $0.hasPrefix("--\(flag.name)=") }?.dropFirst(flag.name.utf8.count + 3)
        let apart = arguments.firstIndex(of: "--\(flag.name)").flatMap { arguments.dropFirst($0 + 1).first }
        let variable = invocation.environment[flag.environmentName].flatMap { $0.isEmpty ? nil : $0 }
        return try EdgeCommand.ownPaths(joined.map(String.init) ?? apart ?? variable)
    }

    /// Checks that are under way beside this one are no answer.
    @MainActor private static func process(_ invocation: Invocation) throws(CommandError) -> ProcessLook {
        if let pid = invocation[pid] { return ProcessLook(pid: Int32(pid)) }
        let found = ProcessLook.ofThisProgram().first { $0.arguments.dropFirst().first != command.name }
        guard let found else { throw ill("no other process of this program runs here that may be looked at") }
        return found
    }

    @MainActor private static func servesTLS(_ process: ProcessLook, _ invocation: Invocation) -> Bool {
        let flag = CommonFlags.tlsCert.spec
        // A container's check has the variables of its process.
        return invocation.environment[flag.environmentName]?.isEmpty == false
            || process.arguments.contains { $0 == "--\(flag.name)" || $0.hasPrefix("--\(flag.name)=") }
    }

    @MainActor private static func ask(_ url: String, _ invocation: Invocation) async throws {
        let base = url.hasSuffix("/") ? String(url.dropLast()) : url
        let target = base + (invocation[ready] ? "/readyz" : "/healthz")
        let client = HTTPClient(HTTPClient.Configuration(tlsCAFile: invocation[CommonFlags.tlsCA]))
        do {
            let request = HTTPClientRequest("GET", target, timeout: timeout, connectTimeout: timeout)
            let answer = try await client.send(request)
            guard answer.status == 200 else { throw ill("\(target) answered \(answer.status)") }
        } catch let error as HTTPClientError {
            throw ill(error.message)
        }
        try say("\(target) answered 200", invocation)
    }

    @MainActor private static func say(_ text: String, _ invocation: Invocation) throws {
        if !invocation[CommonFlags.quiet] { try invocation.out.line(text) }
    }

    private static func ill(_ message: String) -> CommandError { CommandError(.failure, message) }
}
