internal import HTTPCaching
package import MusterAPI
internal import MusterCache
internal import MusterCore
internal import MusterCrypto
internal import MusterEdgePeers
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
package import MusterRole
internal import MusterSystem
internal import Synchronization

/// An edge's driver: a shared HTTP cache (RFC 9111) in front of an upstream.
///
/// What to do is decided by `CachePolicy`, in the core. What is stored is in `CacheStore`; what is being fetched in `Flights`.
/// Answers that are ready are given on the HTTP thread; a fetch is one task, whoever waits for it.
package final class Edge: Sendable {
    let configuration: EdgeConfiguration
    let policy: CachePolicy
    let store: CacheStore
    let authenticator: Authenticator
    let forwarding: Forwarding
    let client: HTTPClient
    let flights = Flights()
    let failuresPace = Mutex(LinePace(.seconds(1)))
    let counters = EdgeCounters()
    let events = EventHub()
    /// The other edges, and who leads.
    let peers: EdgePeers
    let touch: Touch
    let floors = ImageFloors()
    let forgetter: Forgetter
    let origin: OriginFollower
    let giver: CopyGiver
    /// `Host`s that the upstream may be told of.
    let hostNames: Mutex<Set<String>>
    /// At a coordinator.
    package let listing: ListingNote
    private let leaderNews = Hook<EdgeLeadership>()
    private let failures = AsyncStream<NodeError>.makeStream(bufferingPolicy: .bufferingOldest(1))
    /// For files of bodies on their way in.
    let threads = ThreadPool(idleMax: 4)
    private let lock: FileLock
    private let server = Mutex<HTTPServer?>(nil)
    /// False from the moment on in which it was asked to end.
    let readiness = Readiness()
    private let resting = Mutex<Task<Void, Never>?>(nil)
    package let tokens: TokenStore
    private let fleetTokens: FleetTokens

    /// Takes up what an earlier process cached. Throws a `NodeError`.
    package init(_ configuration: EdgeConfiguration) throws {
        self.configuration = configuration
        hostNames = Mutex(configuration.hostNames)
        listing = ListingNote(isWanted: configuration.isListed)
        policy = configuration.policy
        let directory = configuration.dataDirectory
        try makeOwnDirectory(directory)
        guard let lock = try FileLock(path: directory + "/lock") else {
            throw NodeError(
                .unavailable, "another edge uses \(directory): stop it, or give this one an --id or --data of its own")
        }
        self.lock = lock
        tokens = try TokenStore(
            directory: directory, givenAdmin: configuration.adminToken, givenRead: configuration.readToken,
            joinDirectory: configuration.sharedDirectory)
        fleetTokens = FleetTokens(joinsWith: configuration.joinToken)
        let peerToken = configuration.adminToken ?? configuration.joinToken ?? tokens.join
        authenticator = Authenticator(
            key: .random(), tokens: tokens, settings: configuration.access,
            routes: EdgeRoutes.all + [EdgeRoutes.forwarded], fleetTokens: fleetTokens)
        forwarding = Forwarding(pseudonym: "muster-edge-\(configuration.id)-\(try Self.nonce(in: directory))")
        do {
            store = try CacheStore(
                directory: directory + "/cache", limits: configuration.limits, policy: configuration.policy)
        } catch {
            throw NodeError(.files, error.message)
        }
        client = HTTPClient(
            HTTPClient.Configuration(
                connectionsPerHostMax: 512, tlsCAFile: configuration.tlsAuthority,
                userAgent: "muster-edge/\(configuration.version)"))
        var settings = PeerSettings(id: configuration.id, dataDirectory: directory, token: peerToken)
        (settings.configured, settings.isListed) = (configuration.peers, configuration.isListed)
        (settings.heartbeat, settings.absence) = (configuration.heartbeat, configuration.absence)
        settings.ownPaths = configuration.ownPaths
        touch = Touch(
            isInTouch: try !EdgePeers.mayHaveMissed(settings) || store.statistics.objects == 0)
        forgetter = Forgetter(store, flights, floors, counters)
        let origin = try OriginFollower(configuration.upstream, directory: directory, client, forgetter)
        self.origin = origin
        let runner = Runner()
        let copies = SharedCopies(
            store, flights, forgetter, peerToken: peerToken, path: configuration.ownPaths + "/v1/edge/copy"
        ) {
            origin.position
        } upstream: {
            configuration.upstream(of: $0)
        } run: { fetch, flight in
            await runner.edge.withLock { $0.edge }?.run(fetch, flight)
        }
        giver = CopyGiver(copies, store, touch) { origin.position }
        let peers = try EdgePeers(
            settings, copies, touch, client: client, threads: threads, events: events
        ) { [failures] in
            failures.continuation.yield($0)
        } announce: { [leaderNews] in
            leaderNews($0)
        }
        self.peers = peers
        origin.changed.connect { [weak peers] in peers?.changed($0) }
        runner.edge.withLock { $0.edge = self }
    }

    private final class Runner: Sendable {
        struct Reference: Sendable { weak var edge: Edge? }
        let edge = Mutex(Reference())
    }

    /// Tells this edge from others of the same id, for good.
    private static func nonce(in directory: String) throws(NodeError) -> String {
        let path = directory + "/name"
        if let kept = try readWhole(path, bytesMax: 64) { return String(decoding: kept, as: UTF8.self) }
        let made = hex(randomBytes(4))
        try writePrivately(made, to: path)
        return made
    }

    /// Listens. Throws an `HTTPServerError` when the port cannot be had.
    package func start() throws {
        var settings = configuration.server
        settings.limits.connectionBytesMax = HTTPServer.Limits.ofEdge
        settings.limits.descriptorsReserved = 1_200
        var routes = HTTPServer.Routes(ownRoutes())
        routes.fallback = { [unowned self] in forwardedRoute($0, hasBody: $1) }
        if !configuration.access.isPrivate { routes.shortcut = { [unowned self] in readyAnswer($0) } }
        let server = HTTPServer(settings, routes) { [authenticator] head in try authenticator.require(head) }
        try server.start()
        self.server.withLock { $0 = server }
        let url = configuration.advertisedURL ?? reachableURL(configuration.server, port: server.port)
        if let name = url.withoutTrailingSlashes.split(separator: "/").last?.lowercased() {
            hostNames.withLock { _ = $0.insert(name) }
        }
        try peers.start(at: url.withoutTrailingSlashes)
        resting.withLock { $0 = Task { [weak self] in await self?.restUntilCancelled() } }
        origin.start()
        let statistics = store.statistics
        Log.info(
            "edge",
            [
                "id": "\(configuration.id)", "upstream": configuration.upstream.url,
                "cached": "\(statistics.objects)", "cached-bytes": "\(statistics.diskBytes)",
            ])
    }

    /// Finishes what is in flight, for so long at most, and what is being written.
    package func stop(graceSeconds: Double = 5) async {
        resting.withLock { $0?.cancel() }
        origin.stop()
        peers.stop()
        events.close()
        if let server = server.withLock({ $0 }) { await server.shutdown(graceSeconds: graceSeconds) }
        client.close()
        try? await threads.perform { [store] in store.close() }
        threads.close()
    }

    /// Says that it is not ready, and goes on answering for so long.
    package func drain(for time: Duration) async {
        await readiness.end(by: time) { server.withLock { $0 }?.windDown() }
    }

    /// Throws an `HTTPServerError` for what does not fit; then nothing changes.
    package func replaceCertificate(_ certificate: String, key: String) throws {
        try server.withLock { $0 }?.replaceCertificate(certificate, key: key)
    }

    package var port: UInt16 { server.withLock { $0?.port ?? 0 } }
    /// Where others find it.
    package var url: String { peers.url }
    package var dataDirectory: String { configuration.dataDirectory }
    var serverStatistics: HTTPServer.Statistics? { server.withLock { $0?.statistics } }

    private func restUntilCancelled() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(10))
            SystemMemory.giveBack()
            events.keepAlive()
        }
    }

    // MARK: What the process is told

    /// What the coordinator tells of the fleet's tokens: they are good here from now on.
    package func learn(_ codes: FleetTokenCodes) { fleetTokens.learn(codes) }

    /// Calls it with each change of the leader from now on.
    package func onLeader(_ news: @escaping @Sendable (EdgeLeadership) -> Void) { leaderNews.connect(news) }

    /// Where other edges are, as somebody told.
    package func meet(_ urls: [String]) { peers.meet(urls) }

    /// At most one: why this edge cannot go on.
    package var failure: AsyncStream<NodeError> { failures.stream }
}
