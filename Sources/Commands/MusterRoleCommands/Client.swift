internal import Glibc
internal import MusterClient
package import MusterCommandLine
internal import MusterHTTP
internal import MusterMember
internal import MusterRole

/// `muster client`.
package enum ClientCommand {
    static let join = Flag<String>.required("join", "URL", as: .url, "The coordinator to join.")
    static let name = Flag<String?>.text(
        "name", "NAME", as: .text(bytesMax: 128, suggestions: []), "The name to be known by."
    ).defaulting(to: "the machine's name and the process's number")
    static let callbackPort = Flag<Int?>.int(
        "callback-port", "N", in: 0...65_535,
        "Take commands at a port of this machine, 0 for any free one, instead of over the connection that it holds.")
    static let callbackHost = Flag<String>.text(
        "callback-host", "ADDR", as: .text(bytesMax: 253, suggestions: []), default: "127.0.0.1",
        "The address at which the coordinator reaches that port.")
    static let minimum = Flag.seconds(
        "min-interval", in: 0.01...86_400, default: 10, "The shortest time between two commands that it sends.")
    static let maximum = Flag.seconds(
        "max-interval", in: 0.01...86_400, default: 60, "The longest time between two.")
    static let samples = ["START_TRANSMIT", "STOP_TRANSMIT", "PAUSE_TRANSMIT", "RESTART_TRANSMIT"]

    package static let command = Command(
        name: "client", summary: "be a ranked member that sends and prints commands",
        description: [
            "Joins, prints its rank and every change of it, prints each command that it gets, and at random intervals sends "
                + "one of its own (\(samples.joined(separator: ", "))) to every member of lower rank.",
            "Runs until SIGINT or SIGTERM, then leaves. While the coordinator is away it tries again, and keeps its rank if "
                + "it is back in time.",
        ],
        flags: [
            join.spec, name.spec, callbackPort.spec, callbackHost.spec, minimum.spec, maximum.spec,
            CommonFlags.token.spec, CommonFlags.tlsCA.spec, CommonFlags.noWebSocket.spec,
        ] + CommonFlags.always,
        exits: [
            Command.Exit(.success, "It was asked to end, and left."),
            Command.Exit(.unavailable, "The callback port is taken."), Command.Exit(.internalError),
            Command.Exit(.inputOutput), Command.Exit(.noPermission), Command.Exit(.configuration),
        ],
        examples: [
            Command.Example("muster client --join http://127.0.0.1:8080 --name ada", "A member by name."),
            Command.Example(
                "muster client --join http://127.0.0.1:8080 --min-interval 1 --max-interval 3", "A busy one."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        guard invocation[minimum] <= invocation[maximum] else {
            throw CommandError.usage("--min-interval is longer than --max-interval")
        }
        let url = invocation[join]
        let token = try WorkerCommand.token(
            invocation, data: invocation.environment["MUSTER_DATA"] ?? CommonFlags.dataDefault, to: url)
        var configuration = FleetMember.Configuration(
            coordinatorURL: url, token: token, name: invocation[name] ?? WorkerCommand.defaultName(),
            version: MusterVersion.current)
        configuration.tlsAuthority = invocation[CommonFlags.tlsCA]
        configuration.usesWebSocket = !invocation[CommonFlags.noWebSocket]
        let news = AsyncStream<FleetMember.News>.makeStream(bufferingPolicy: .bufferingNewest(10_000))
        let server = try invocation[callbackPort].map { port in
            try callbackServer(invocation, port) { text, rank in
                news.continuation.yield(.command(text: text, from: "", rank: rank))
            }
        }
        if let server { configuration.callback = "http://\(invocation[callbackHost]):\(server.port)" }
        let member = FleetMember(configuration) { news.continuation.yield($0) }
        let signals = stopSignals()
        let printing = Task { for await item in news.stream { try Self.show(item, invocation) } }
        let sending = Task { try await send(member, invocation) }
        let living = Task {
            defer { news.continuation.finish() }
            try await member.run()
        }
        let stopping = Task {
            for await _ in signals { break }
            sending.cancel()
            living.cancel()
            await member.leave()
            await server?.stop()
            exit(ExitCode.success.rawValue)
        }
        defer {
            stopping.cancel()
            sending.cancel()
            printing.cancel()
        }
        do {
            try await living.value
        } catch let error as NodeError {
            throw CommandError(error)
        }
        // Only a signal ends it without an error.
        await stopping.value
    }

    @MainActor private static func callbackServer(
        _ invocation: Invocation, _ port: Int, _ onCommand: @escaping @Sendable (String, Int?) -> Void
    ) throws -> CallbackServer {
        do {
            let host = invocation[callbackHost].hasPrefix("127.") ? "127.0.0.1" : "0.0.0.0"
            return try CallbackServer(host: host, port: UInt16(port), onCommand: onCommand)
        } catch let error as HTTPServerError {
            throw CommandError(.unavailable, error.message)
        }
    }

    @MainActor private static func show(_ news: FleetMember.News, _ invocation: Invocation) throws {
        switch news {
        case .joined(let name, let rank):
            try invocation.out.line("joined as \(Terminal.clean(name)), rank \(rank.map { String($0) } ?? "none")")
        case .ranked(let rank, let members): try invocation.out.line("rank \(rank) of \(members)")
        case .command(let text, let from, let rank):
            let sender = rank.map { "rank \($0)" } ?? "the operator"
            let name = from.isEmpty ? sender : "\(Terminal.clean(from)) (\(sender))"
            try invocation.out.line("received \(Terminal.clean(text)) from \(name)")
        case .edges, .tokens: break
        case .away(let reason): try invocation.out.line("away: \(Terminal.clean(reason))")
        }
        try invocation.out.flush()
    }

    @MainActor private static func send(_ member: FleetMember, _ invocation: Invocation) async throws {
        let (shortest, longest) = (invocation[minimum] / .seconds(1), invocation[maximum] / .seconds(1))
        while !Task.isCancelled {
            try await Task.sleep(for: .seconds(Double.random(in: shortest...longest)))
            let text = samples.randomElement() ?? samples[0]
            do {
                let sent = try await member.send(text)
                try invocation.out.line("sent \(text) to \(sent.recipients) members, command \(sent.id)")
            } catch {
                try invocation.out.line("could not send \(text): \(Terminal.clean("\(error)"))")
            }
            try invocation.out.flush()
        }
    }
}
