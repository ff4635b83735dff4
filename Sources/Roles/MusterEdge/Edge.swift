internal import HTTPCaching
package import MusterAPI
internal import MusterCache
internal import MusterCore
internal import MusterCrypto
internal import MusterElection
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
    let peers: Mutex<PeerState>
    /// False while something may be stored here that was purged elsewhere: then nothing is served without being validated.
    let isInTouch: Atomic<Bool>
    /// Nanoseconds of `SystemTime`: a tick after this one comes too late to vouch for what is stored.
    let inTouchUntil = Atomic(Int64.max)
    /// Of images, as the origin told them.
    let floors = Mutex(VersionFloors())
    let position: Mutex<OriginPosition?>
    let following = Mutex<Task<Void, Never>?>(nil)
    /// Held while the log of purges is written.
    let purgesFile = Mutex(())
    let isDiscovered = Atomic(false)
    /// `Host`s that the upstream may be told of.
    let hostNames: Mutex<Set<String>>
    /// At a coordinator.
    package let listing: ListingNote
    /// Told of each change of the leader.
    private let leaderNews = Mutex<(@Sendable (EdgeLeadership) -> Void)?>(nil)
    private let failures = AsyncStream<NodeError>.makeStream(bufferingPolicy: .bufferingOldest(1))
    /// What lets this edge in at the others.
    let peerToken: String
    /// For files of bodies on their way in.
    let threads = ThreadPool(idleMax: 4)
    private let lock: FileLock
    private let server = Mutex<HTTPServer?>(nil)
    /// False from the moment on in which it was asked to end.
    let readiness = Readiness()
    private let isStopping = Atomic(false)
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
        peerToken = configuration.adminToken ?? configuration.joinToken ?? tokens.join
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
        let election = Election(
            id: configuration.id, storedTerm: try Self.storedTerm(in: directory),
            settings: .init(heartbeat: configuration.heartbeat), now: SystemTime.now())
        let own = EdgeIdentity(
            id: configuration.id, instance: hex(randomBytes(8)), startedMs: Int(SystemTime.wallClockMs()), url: "")
        peers = Mutex(
            PeerState(
                election: election, log: try Self.storedLog(in: directory), own: own,
                configured: configuration.peers.map(\.withoutTrailingSlashes), absence: configuration.absence))
        let mayHaveMissed = try !configuration.peers.isEmpty || configuration.isListed || Self.hasMet(in: directory)
        isInTouch = Atomic(!mayHaveMissed || store.statistics.objects == 0)
        position = Mutex(try Self.storedPosition(in: directory))
        client = HTTPClient(
            HTTPClient.Configuration(
                connectionsPerHostMax: 512, tlsCAFile: configuration.tlsAuthority,
                userAgent: "muster-edge/\(configuration.version)"))
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
        peers.withLock { $0.own.url = url.withoutTrailingSlashes }
        if let name = url.withoutTrailingSlashes.split(separator: "/").last?.lowercased() {
            hostNames.withLock { _ = $0.insert(name) }
        }
        try startTicking()
        resting.withLock { $0 = Task { [weak self] in await self?.restUntilCancelled() } }
        if storedPosition() != nil { followOrigin() }
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
        isStopping.store(true, ordering: .relaxed)
        resting.withLock { $0?.cancel() }
        following.withLock { $0?.cancel() }
        peers.withLock { $0.stop() }
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
    package var url: String { peers.withLock { $0.own.url } }
    package var dataDirectory: String { configuration.dataDirectory }
    var serverStatistics: HTTPServer.Statistics? { server.withLock { $0?.statistics } }

    var nowMs: Int { Int(SystemTime.wallClockMs()) }

    private func restUntilCancelled() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(10))
            SystemMemory.giveBack()
            events.keepAlive()
        }
    }

    /// On a thread of its own: who leads must not be lost because tasks are late.
    private func startTicking() throws(NodeError) {
        let pause = configuration.heartbeat / 4
        let failure = startThread { [weak self] in
            let began = SystemTime.now()
            var last = began
            while true {
                SystemTime.sleep(pause)
                guard let self, !isStopping.load(ordering: .relaxed) else { return }
                let now = SystemTime.now()
                tick(now, after: last, began: began)
                last = now
            }
        }
        guard failure == 0 else { throw NodeError(.setup, "there is no thread for an edge's clock; raise the limit") }
    }

    // MARK: What the process is told

    /// What the coordinator tells of the fleet's tokens: they are good here from now on.
    package func learn(_ codes: FleetTokenCodes) { fleetTokens.learn(codes) }

    /// Calls it with each change of the leader from now on.
    package func onLeader(_ news: @escaping @Sendable (EdgeLeadership) -> Void) { leaderNews.withLock { $0 = news } }

    func announce(_ leadership: EdgeLeadership) { leaderNews.withLock { $0 }?(leadership) }

    /// At most one: why this edge cannot go on.
    package var failure: AsyncStream<NodeError> { failures.stream }

    func fail(_ error: NodeError) { failures.continuation.yield(error) }
}

/// What an edge counts.
final class EdgeCounters: Sendable {
    let hits = Atomic(0)
    let misses = Atomic(0)
    let stale = Atomic(0)
    let collapsed = Atomic(0)
    let fetches = Atomic(0)
    let fetchesFailed = Atomic(0)
    let validated = Atomic(0)
    let purged = Atomic(0)
    let electionMessages = Atomic(0)
    let pulls = Atomic(0)
}
