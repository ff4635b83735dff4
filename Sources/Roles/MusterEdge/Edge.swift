internal import HTTPCaching
package import MusterAPI
internal import MusterCache
internal import MusterCrypto
internal import MusterEdgePeers
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
package import MusterRole
internal import MusterRoutes
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// An edge's driver: a shared HTTP cache (RFC 9111) in front of an upstream.
///
/// A composition: it starts, stops and drains its parts, and joins their routes. `EdgeCache` serves and fetches, `EdgePeers` stands among
/// other edges; what to do is decided by `CachePolicy` and `Election`, in the core. Answers that are ready are given on the HTTP
/// thread; a fetch is one task, whoever waits for it.
package final class Edge: Sendable {
    private let configuration: EdgeConfiguration
    let cache: EdgeCache
    /// The other edges, and who leads.
    let peers: EdgePeers
    let touch: Touch
    private let giver: CopyGiver
    private let authenticator: Authenticator
    private let client: HTTPClient
    private let events = EventHub()
    /// At a coordinator.
    package let listing: ListingNote
    private let leaderNews = Hook<EdgeLeadership>()
    private let failures = AsyncStream<NodeError>.makeStream(bufferingPolicy: .bufferingOldest(1))
    /// For files of bodies on their way in.
    private let threads = ThreadPool(idleMax: 4)
    private let lock: FileLock
    private let server = Mutex<HTTPServer?>(nil)
    /// False from the moment on in which it was asked to end.
    private let readiness = Readiness()
    private let resting = Mutex<Task<Void, Never>?>(nil)
    package let tokens: TokenStore
    private let fleetTokens: FleetTokens

    /// Takes up what an earlier process cached. Throws a `NodeError`.
    package init(_ given: EdgeConfiguration) throws {
        var configuration = given
        if given.upstream.keepsFiles { configuration.policy.targets.insert(FileRoutes.cachingField, at: 0) }
        self.configuration = configuration
        listing = ListingNote(isWanted: configuration.isListed)
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
        let forwarding = Forwarding(pseudonym: "muster-edge-\(configuration.id)-\(try Self.nonce(in: directory))")
        let store: CacheStore
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
        let settings = configuration.peerSettings(token: peerToken)
        touch = Touch(
            isInTouch: try !EdgePeers.mayHaveMissed(settings) || store.statistics.objects == 0)
        let cache = try EdgeCache(configuration, store, touch, forwarding, client, threads) { [authenticator] in
            authenticator.isOwn($0)
        } requireReader: { [authenticator] request throws(Problem) in
            try authenticator.requireFileReader(request)
        }
        self.cache = cache
        let copies = SharedCopies(
            cache, configuration.upstreams, peerToken: peerToken, path: configuration.ownPaths + "/v1/edge/copy")
        giver = CopyGiver(copies, store, touch) { [origin = cache.origin] in origin.position }
        let peers = try EdgePeers(
            settings, copies, touch, client: client, threads: threads, events: events
        ) { [failures] in
            failures.continuation.yield($0)
        } announce: { [leaderNews] in
            leaderNews($0)
        }
        self.peers = peers
        // They need each other: the cache is there first.
        cache.origin.changed.connect { [weak peers] in peers?.changed($0) }
        cache.keeper.filled.connect { [weak peers] object in
            if let copy = object.copy(nowMs: nowMs) { peers?.filled(copy) }
        }
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
        let router = router
        var routes = HTTPServer.Routes(router.ownRoutes())
        routes.fallback = { router.forwardedRoute($0, hasBody: $1) }
        if !configuration.access.isPrivate { routes.shortcut = { [ready = cache.ready] in ready.answer($0) } }
        let server = HTTPServer(settings, routes) { [authenticator] head in try authenticator.require(head) }
        try server.start()
        self.server.withLock { $0 = server }
        let url = configuration.advertisedURL ?? reachableURL(configuration.server, port: server.port)
        if let name = url.withoutTrailingSlashes.split(separator: "/").last?.lowercased() {
            cache.reader.isKnown(as: name)
        }
        try peers.start(at: url.withoutTrailingSlashes)
        resting.withLock { $0 = Task { [weak self] in await self?.restUntilCancelled() } }
        cache.origin.start()
        let statistics = cache.store.statistics
        Log.info(
            "edge",
            [
                "id": "\(configuration.id)", "upstream": configuration.upstream.url,
                "cached": "\(statistics.objects)", "cached-bytes": "\(statistics.diskBytes)",
            ])
    }

    private var router: EdgeRouter {
        let report = EdgeReport(
            upstream: configuration.upstream.url, cache.store, cache.counters, peers, touch, listing
        ) { [weak self] in
            self?.serverStatistics
        }
        return EdgeRouter(
            cache: cache, peers: peers, giver: giver, report: report, readiness: readiness, listing: listing,
            configuration: configuration)
    }

    /// Finishes what is in flight, for so long at most, and what is being written.
    package func stop(graceSeconds: Double = 5) async {
        resting.withLock { $0?.cancel() }
        cache.origin.stop()
        peers.stop()
        events.close()
        if let server = server.withLock({ $0 }) { await server.shutdown(graceSeconds: graceSeconds) }
        client.close()
        try? await threads.perform { [store = cache.store] in store.close() }
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
