internal import Glibc
internal import HTTPCaching
internal import MusterAPI
internal import MusterCache
internal import MusterClient
package import MusterCommandLine
internal import MusterCore
internal import MusterEdge
internal import MusterElection
internal import MusterHTTP
internal import MusterLog
internal import MusterMember
internal import MusterRole
internal import MusterSystem
internal import MusterWire

/// `muster edge`.
package enum EdgeCommand {
    static let id = Flag<Int?>.int(
        "id", "N", in: 1...65_535,
        "This edge's number, different from every other edge's; the highest living one leads.")
    static let port = Flag<Int?>.int(
        "port", "N", in: 0...65_535,
        "The TCP port to listen on; 0 takes any free one. The address is printed as 'listening on URL'."
    ).defaulting(to: "8000 + the number")
    static let upstream = Flag<String?>.text(
        "upstream", "URL", as: .url,
        "Whom to ask for what is not in the cache: any HTTP server, by scheme, host and port."
    ).defaulting(to: "http://127.0.0.1:9000, this fleet's origin")
    static let upstreamToken = Flag<String?>.text(
        "upstream-token", "TOKEN", as: .secret,
        "A token to send upstream with requests that bring none. Better set by the variable."
    ).defaulting(to: "none")
    static let fleetUpstream = Flag.bool(
        "fleet-upstream",
        "The URL of --upstream is the fleet's own: it may see the fleet's tokens, which others never do.")
    static let upstreamSeconds = Flag<Int>.int(
        "upstream-timeout", "SECONDS", in: 1...3_600, default: 30,
        "When nothing came from the upstream for so long, a fetch has failed.")
    static let cacheBytes = Flag<Int>.int(
        "cache-bytes", "N", in: 0...1 << 46, default: CacheLimits().diskBytes,
        "Most bytes that the cache takes on the disk; 0: it is in memory only.")
    static let memoryBytes = Flag<Int>.int(
        "memory-bytes", "N", in: 1 << 20...1 << 42, default: CacheLimits().memoryBytes,
        "Most bytes that the cache takes in memory.")
    static let negativeSeconds = Flag<Int>.int(
        "negative-seconds", "SECONDS", in: 0...300, default: CachePolicy().negativeSeconds,
        "For so long a 404 or 410 that says nothing of itself is not asked for again.")
    static let peers = Flag<String?>.text(
        "peers", "URL,URL,…", as: .text(bytesMax: 64 << 10, suggestions: []),
        "Where other edges are; this one may be among them. They elect a leader, which has all of them hold what one has "
            + "fetched. Edges of one --token, or of one --data folder, let each other in."
    ).defaulting(to: "those that the coordinator of --join knows")
    static let heartbeat = Flag<Int>.int(
        "heartbeat-ms", "N", in: 10...60_000, default: Int(Election.Settings().heartbeat.inNanoseconds / 1_000_000),
        "Between two signs of life of the leader, in milliseconds; after eight without one it is taken for lost, and at once when "
            + "its connections break. The same at all edges.")
    static let storeSetCookie = Flag.bool(
        "store-set-cookie",
        "Store answers that set a cookie on a bare max-age or Expires, too: everybody gets that cookie. Without it only where the "
            + "upstream says public, s-maxage or CDN-Cache-Control.")
    static let forwarded = Flag<String>.text(
        "forwarded", "HOW", as: .choice(["on", "off"], reserved: []), default: "on",
        "Tell the upstream where a request came from (Forwarded, X-Forwarded-For, -Proto, -Host). What clients send of these is "
            + "dropped in any case.")
    static let hostNames = Flag<String?>.text(
        "host-name", "HOST,HOST,…", as: .text(bytesMax: 64 << 10, suggestions: []),
        "The Hosts by which clients know this edge, with their ports where these show. Of a GET's the upstream is told only "
            + "these, and the edge's own address: what else a client claims would end up in answers for all."
    ).defaulting(to: "none")
    package static let ownPaths = Flag<String?>.text(
        "own-paths", "PATH", as: .text(bytesMax: EdgePaths.bytesMax, suggestions: []),
        "Put what this edge answers itself (/v1/…, /healthz, /readyz, /metrics, /openapi.json) under this path, so that the "
            + "upstream's own can be had. The same at all edges."
    ).defaulting(to: "none: they stand at the root, before the upstream's")
    static let join = Flag<String?>.text(
        "join", "URL", as: .url,
        "A coordinator to be listed at, as a member without a rank; /tiles/ and /mandelbrot.png are asked of it."
    ).defaulting(to: "none")
    package static let command = Command(
        name: "edge", summary: "cache what an origin, or any HTTP server, serves",
        description: [
            "A shared HTTP cache (RFC 9111). Runs until SIGINT or SIGTERM, then finishes what is in flight and ends. Prints "
                + "'listening on URL' once it serves.",
            "Answers carry X-Cache (HIT, MISS or STALE) and Cache-Status (RFC 9211). However many clients ask for something "
                + "that is not there, the upstream is asked once. While the upstream is away, what is stored goes on being "
                + "served, if it allows that.",
            "Edges that know each other (--peers, or --join) elect a leader: the highest living id. What one of them fetched, all "
                + "soon have; POST /v1/purge, with a token, at any of them makes all forget.",
            "GET /v1/edge tells who leads and how this one does, GET /v1/events each change.",
        ],
        flags: [
            id.spec, CommonFlags.data.spec, port.spec, CoordinatorCommand.token.spec,
            upstream.spec,
            fleetUpstream.spec, upstreamToken.spec, upstreamSeconds.spec, cacheBytes.spec, memoryBytes.spec,
            negativeSeconds.spec, storeSetCookie.spec, forwarded.spec, hostNames.spec, ownPaths.spec, peers.spec,
            heartbeat.spec, OriginCommand.isPrivate.spec, AccessFlags.readToken.spec, join.spec,
            OriginCommand.advertise.spec, WorkerCommand.orphan.spec, CommonFlags.tlsCA.spec,
            CommonFlags.noWebSocket.spec,
        ] + ServerFlags.all + CommonFlags.always,
        rules: [.together(["tls-cert", "tls-key"])],
        exits: [
            Command.Exit(.success, "It was asked to end, and did."),
            Command.Exit(.noInput, "The certificate or the key cannot be read."),
            Command.Exit(.unavailable, "The port is taken, or another edge uses the data directory."),
            Command.Exit(.internalError), Command.Exit(.osError),
            Command.Exit(.cannotCreate, "The data directory cannot be made."), Command.Exit(.inputOutput),
            Command.Exit(.noPermission), Command.Exit(.configuration),
        ],
        examples: [
            Command.Example("muster edge --id 1", "In front of this machine's origin, on port 8001."),
            Command.Example(
                "muster edge --id 7 --port 80 --host 0.0.0.0 --upstream https://www.example.org --cache-bytes 20000000000",
                "In front of somebody's web site."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        // Before there are threads that would not inherit it.
        TimeSlice.short()
        let caught = stopSignals(takesHangUp: invocation[CommonFlags.tlsCert] != nil)
        let configuration = try configuration(invocation)
        let edge = try await started(configuration)
        let signals = ServerFlags.rereadingCertificate(at: caught, invocation) {
            try edge.replaceCertificate($0, key: $1)
        }
        let scheme = invocation[CommonFlags.tlsCert] == nil ? "http" : "https"
        _ = try OriginCommand.announce(
            scheme: scheme, port: edge.port, tokens: edge.tokens, dataDirectory: edge.dataDirectory, invocation)
        var labels = ["id": "\(configuration.id)"]
        if !configuration.ownPaths.isEmpty { labels["paths"] = configuration.ownPaths }
        let listing = try OriginCommand.member(
            invocation, role: .edge, name: "edge-\(configuration.id)", labels, edge.url, edge.listing,
            onEdges: { edge.meet($0) }, onTokens: { edge.learn($0) })
        if let member = listing?.member { edge.onLeader { member.report($0) } }
        let (drain, finish) = (invocation[ServerFlags.drain], invocation[ServerFlags.finish])
        let service = invocation.serviceManager
        try await serve(edge, until: signals, as: listing) {
            service.stopping(within: drain + finish)
            await edge.drain(for: drain)
            await edge.stop(graceSeconds: finish.inSeconds)
        }
    }

    /// As an origin does, and at most until the edge cannot go on: then throws why.
    private static func serve(
        _ edge: Edge, until signals: AsyncStream<Int32>, as listing: Listing?, stop: @Sendable () async -> Void
    ) async throws {
        let ends = AsyncStream<Int32>.makeStream()
        let signalled = Task {
            for await signal in signals { ends.continuation.yield(signal) }
        }
        let failing = Task { () -> NodeError? in
            for await error in edge.failure {
                ends.continuation.yield(SIGTERM)
                return error
            }
            return nil
        }
        try await OriginCommand.serve(until: ends.stream, as: listing, stop: stop)
        signalled.cancel()
        failing.cancel()
        if let error = await failing.value { throw CommandError(error) }
    }

    /// Throws a `CommandError`.
    static func started(_ configuration: EdgeConfiguration) async throws -> Edge {
        try await CoordinatorCommand.translatingErrors {
            try HTTPServer.check(configuration.server)
            let edge = try Edge(configuration)
            try edge.start()
            return edge
        }
    }

    @MainActor private static func configuration(_ invocation: Invocation) throws -> EdgeConfiguration {
        guard let number = invocation[id], let id = EdgeID(number) else {
            throw CommandError.usage("--id N is needed: this edge's number")
        }
        guard invocation[port] != nil || number <= 57_535 else {
            throw CommandError.usage("--port is needed with --id \(id): 8000 + \(id) is no port")
        }
        let server = try ServerFlags.configuration(
            invocation, port: invocation[port] ?? 8_000 + number, name: "edge-\(id)")
        let upstream = EdgeConfiguration.Upstream(
            url: try originOf(invocation[upstream] ?? "http://127.0.0.1:9000"),
            isOfFleet: invocation[upstream] == nil || invocation[fleetUpstream], token: invocation[upstreamToken])
        var configuration = EdgeConfiguration(
            id: id, dataDirectory: invocation[CommonFlags.data] + "/edge-\(id)",
            sharedDirectory: invocation[CommonFlags.data], server: server, upstream: upstream,
            version: MusterVersion.current)
        configuration.adminToken = invocation[join] == nil ? invocation[CoordinatorCommand.token] : nil
        configuration.readToken = try AccessFlags.readToken(invocation)
        configuration.joinToken = try joinToken(invocation)
        configuration.access.isPrivate = invocation[OriginCommand.isPrivate]
        configuration.limits.diskBytes = invocation[cacheBytes]
        configuration.limits.memoryBytes = invocation[memoryBytes]
        configuration.policy = CachePolicy(negativeSeconds: invocation[negativeSeconds])
        configuration.policy.storesSetCookie = invocation[storeSetCookie]
        configuration.tellsClients = invocation[forwarded] == "on"
        configuration.hostNames = Set((invocation[hostNames] ?? "").lowercased().split(separator: ",").map(String.init))
        configuration.ownPaths = try ownPaths(invocation[ownPaths])
        configuration.upstreamSeconds = invocation[upstreamSeconds]
        configuration.tlsAuthority = invocation[CommonFlags.tlsCA]
        configuration.peers = try peers(invocation[peers] ?? "")
        configuration.heartbeat = .milliseconds(invocation[heartbeat])
        configuration.advertisedURL = invocation[OriginCommand.advertise]
        configuration.isListed = invocation[join] != nil
        if let coordinator = invocation[join] {
            configuration.gateway = EdgeConfiguration.Upstream(
                url: try originOf(coordinator), isOfFleet: true, token: configuration.joinToken)
        }
        return configuration
    }

    /// By which it joins the coordinator of its own `--join`; nil without that, or where there is none.
    @MainActor private static func joinToken(_ invocation: Invocation) throws(CommandError) -> String? {
        guard let coordinator = invocation[join] else { return nil }
        return try WorkerCommand.token(invocation, data: invocation[CommonFlags.data], to: coordinator)
    }

    /// Without a slash at its end. Throws a `CommandError` for what no route could begin with.
    package static func ownPaths(_ text: String?) throws(CommandError) -> String {
        guard let text else { return "" }
        let path = text.hasSuffix("/") ? String(text.dropLast()) : text
        guard EdgePaths.isValid(path) else {
            throw .usage(
                "--own-paths: \(CommandError.quoted(text)) is no path such as /.muster, of letters, digits and -._~")
        }
        return path
    }

    /// Throws a `CommandError` for what no other edge can be found by.
    private static func peers(_ list: String) throws(CommandError) -> [String] {
        let urls = list.split(separator: ",")
        guard urls.count <= peersMax else { throw .usage("--peers: \(urls.count) URLs; at most \(peersMax)") }
        var peers: [String] = []
        for text in urls {
            guard let url = ValueKind.serverURL(String(text)) else {
                throw .usage("--peers: \(CommandError.quoted(String(text))) is no URL such as http://host:8001")
            }
            peers.append(try originOf(url, of: "--peers"))
        }
        return peers
    }

    /// As many as edges tell each other of.
    private static let peersMax = 1_024

    /// Scheme, host and port: what a client asks for comes behind it.
    private static func originOf(_ url: String, of flag: String = "--upstream") throws(CommandError) -> String {
        let url = url.hasSuffix("/") ? String(url.dropLast()) : url
        let rest = url.drop { $0 != ":" }.dropFirst(3)
        guard !rest.contains(where: { "/?#@".contains($0) }) else {
            throw .usage("\(flag): \(CommandError.quoted(url)) has more than scheme, host and port")
        }
        return url
    }
}
