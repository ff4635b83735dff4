package import MusterAPI
internal import MusterBackups
internal import MusterCallbacks
internal import MusterCore
internal import MusterCrypto
internal import MusterFeeds
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterJoining
internal import MusterLaunchRules
internal import MusterLiveOutput
internal import MusterMembership
internal import MusterPictures
internal import MusterPostgres
package import MusterRole
internal import MusterRoutes
internal import MusterScheduling
internal import MusterServices
internal import MusterSpawning
internal import MusterStore
internal import MusterSystem
internal import MusterVolunteers
internal import MusterWindow
internal import Synchronization

/// The control plane's driver: HTTP and the store on one side, the pure fleet core on the other. It is composed of services,
/// each with its own routes and its own slice of what the one lock guards (see `FleetLock`); it makes them, joins their
/// routes, and hands each what the core decided for it.
package final class Coordinator: Sendable {
    let configuration: CoordinatorConfiguration
    let common: Common
    /// For all that the coordinator asks of others.
    private let client: HTTPClient
    let rules: CallbackRules
    let spawner: Spawner
    private let volunteers: VolunteerDesk?
    let backup: Backup
    let listener: Listener
    /// False from the moment on in which it was asked to end.
    let readiness = Readiness()
    private let ticking = Mutex<Task<Void, Never>?>(nil)
    package let tokens: TokenStore

    let jobs: JobService
    let intake: JobIntake
    let history: HistoryService
    let results: ResultService
    let output: LiveOutputService
    let work: WorkService
    let referee: RefereeService
    let admission: AdmissionService
    let members: MemberService
    let streams: MemberStreams
    let sockets: MemberSockets
    let commands: CommandService
    let classicRanks: ClassicRankService
    let pictures: PictureService
    let classicServers: ClassicServerService
    let children: ChildService
    let scaling: ScaleService
    let trust: TrustService
    let signIns: SignInService
    let overview: OverviewService
    let window: WindowService
    let edges: EdgeService
    let purging: PurgeService
    let codes = QRCodeService()
    let joining: JoinService
    let installer: InstallerService

    /// Opens the store and takes up what an earlier process left. Throws `NodeError` or `StoreError`.
    package init(_ configuration: CoordinatorConfiguration) async throws {
        try makeOwnDirectory(configuration.dataDirectory)
        let store = try configuration.storePlace.open()
        backup = Backup(store as? SQLiteStore, directory: configuration.dataDirectory)
        self.configuration = configuration
        rules = CallbackRules(networks: configuration.callbackNetworks ?? ownPrivateNetworks())
        client = Self.client(within: rules.networks)
        tokens = try TokenStore(
            directory: configuration.dataDirectory, givenAdmin: configuration.adminToken,
            givenRead: configuration.readToken)
        let volunteersTokens = try await store.joinTokens()
        let authenticator = Authenticator(
            key: try await Self.key(in: store), epoch: try await store.meta(Backup.epochName), tokens: tokens,
            settings: configuration.access,
            routes: RouteTable.all, volunteers: volunteersTokens)
        spawner = try await Spawner.made(
            by: configuration.spawning, store: store, numbersPlace: configuration.storePlace.description,
            authenticator: authenticator)
        let program = ProgramArchive(
            directory: configuration.dataDirectory + "/program", version: configuration.version,
            write: configuration.writeProgram)
        volunteers = try configuration.volunteers.map {
            try VolunteerDesk($0, directory: configuration.dataDirectory + "/volunteers", program: program)
        }
        let fleet = FleetCore(
            membership: configuration.membership, scheduler: configuration.scheduler, sealer: authenticator,
            lastView: try await Self.setViewsAside(in: store))
        let lastIDs = try await store.largestIDs()
        var restoring = Restoring(into: fleet)
        let forgottenMs = SystemTime.wallClockMs() - Int64(configuration.forgetDays) * 86_400_000
        try await TrustService.restore(from: store, sinceMs: forgottenMs, &restoring)
        let revoked = volunteersTokens.filter { $0.revokedMs != nil }.map(\.id)
        try await MemberService.restore(from: store, revoked: revoked, &restoring)
        try await CommandService.restore(from: store, &restoring)
        let unfinished = try await JobService.restore(from: store, &restoring)
        restoring.everybodyIsSeen()
        common = Common(lock: FleetLock(restoring), store: store, authenticator: authenticator)
        listener = Listener(configuration.server, advertisedURL: configuration.spawning.advertisedURL)
        let signals = JobSignals()
        scaling = ScaleService(common, spawner: spawner)
        jobs = JobService(common, signals: signals, unfinished: unfinished, coming: scaling)
        intake = JobIntake(common, jobs: jobs, lastID: lastIDs.job, coming: scaling) { [spawner] in
            spawner.leavingWorkers
        }
        history = HistoryService(common, keepDays: configuration.keepDays)
        results = ResultService(common, jobs: jobs, signals: signals)
        work = WorkService(common, signals: signals)
        referee = RefereeService(common, patience: configuration.refereePatience)
        admission = AdmissionService(common, rules: rules, lastIDs: lastIDs)
        members = MemberService(common)
        streams = MemberStreams(common)
        sockets = try MemberSockets(
            common, holder: streams, heartbeats: members, work: work, threads: configuration.server.threads)
        output = LiveOutputService(common, jobs: jobs, lines: streams)
        commands = CommandService(
            common, callbacks: Callbacks(client: client), lines: streams, lastID: lastIDs.command)
        classicRanks = ClassicRankService(
            common, rules: rules, members: admission, commands: commands,
            patience: min(.seconds(5), configuration.membership.silenceTime))
        pictures = PictureService(common, renderWait: configuration.renderWait)
        classicServers = ClassicServerService(
            common, servers: ClassicServers(client: client), rules: rules, listener: listener)
        children = ChildService(common, spawner: spawner)
        trust = TrustService(common)
        signIns = SignInService(common, isTLS: listener.isTLS)
        overview = OverviewService(
            common, jobs: jobs, version: configuration.version, progress: { [spawner] in spawner.progress },
            scale: { [scaling] in scaling.told })
        window = WindowService(common, overview: overview, version: configuration.version)
        edges = EdgeService(common, client: client, rules: rules)
        purging = PurgeService(edges, client: client, tokens: tokens)
        joining = JoinService(common, tokens: tokens, listener: listener, program: program)
        installer = InstallerService(
            common, listener: listener, volunteers: volunteers, version: configuration.version)
        common.lock.performEffects(by: self)
    }

    /// In the order in which they tick and end.
    var services: [any Service] {
        [
            work, referee, pictures, commands, streams, sockets, jobs, intake, history, results, output, admission,
            members,
            classicRanks,
            classicServers, children, scaling, trust, signIns, overview, window, edges, purging, codes, joining,
            installer,
        ]
    }

    /// Names are looked up anew for each connection: what counts is where that would go. A proxy would hide it.
    private static func client(within networks: CallbackNetworks) -> HTTPClient {
        var settings = HTTPClient.Configuration(usesProxies: false)
        settings.mayConnect = { networks.allow($0) }
        return HTTPClient(settings)
    }

    /// So many launched workers have their descriptors for sure.
    private static let workersReckoned = 100

    /// Numbers of views are never used twice: each process has so many, set aside in the store before it uses one. None changes its
    /// ranks as often.
    private static let viewsOfOneProcess: UInt64 = 1_000_000_000

    private static func setViewsAside(in store: any Store) async throws -> UInt64 {
        let last = try await store.meta(Backup.viewsName).flatMap { UInt64(String(decoding: $0, as: UTF8.self)) } ?? 0
        try await store.commit([.setMeta(key: Backup.viewsName, value: Array("\(last + viewsOfOneProcess)".utf8))])
        return last
    }

    private static func key(in store: any Store) async throws -> MessageKey {
        if let kept = try await store.meta("key") { return MessageKey(bytes: kept) }
        let key = MessageKey.random()
        try await store.commit([.setMeta(key: "key", value: key.bytes)])
        return key
    }

    /// Listens, takes up what is running already, and begins to tick. Throws when the port cannot be had.
    package func start() async throws {
        var routes = HTTPServer.Routes(routes())
        let authenticator = common.authenticator
        let callers = Callers(common)
        routes.identify = { authenticator.holder(of: $0) }
        // Each process that it launches takes two, and each loop of WebSockets.
        let descriptors = 2 * (configuration.spawning.children.liveMax + Self.workersReckoned + sockets.loopCount)
        try listener.start(routes, descriptorsReserved: descriptors) { head in
            try authenticator.require(head)
            try callers.requirePresent(head)
            try head.refuseEncodedBody()
        }
        try sockets.start()
        volunteers?.prepare()
        try await spawner.start(
            ownURL: ownURL, urlAtHost: { [weak listener] in listener?.url(host: $0) ?? "" })
        ticking.withLock { $0 = Task { [weak self] in await self?.tickUntilCancelled() } }
    }

    /// As this machine reaches it.
    package var ownURL: String { listener.ownURL }
    package var port: UInt16 { listener.port }
    package var dataDirectory: String { configuration.dataDirectory }

    /// A new link for a browser, to be opened on this machine.
    package func signInURL() -> String { ownURL + signIns.newLink() }

    /// What another machine runs to join. Packs the program, if nobody did yet, which takes some seconds.
    package func joinOffer() async -> JoinOffer { await joining.joinOffer() }

    /// Throws an `HTTPServerError` for what does not fit; then nothing changes.
    package func replaceCertificate(_ certificate: String, key: String) throws {
        try listener.replaceCertificate(certificate, key: key)
    }

    /// Says that it is not ready, and goes on answering for so long; so do those that it keeps running beside itself.
    package func drain(for time: Duration) async {
        spawner.endCompanions()
        await readiness.end(by: time) { listener.windDown() }
    }

    /// For the end at once: nothing of what it launched stays.
    package func killEverythingLaunched() { spawner.killAll() }

    /// Finishes pictures that are being made, within the grace; ends what it launched, answers what is held, finishes what is on
    /// its way to clients, within what is left of it, and to the store, then closes that.
    package func stop(graceSeconds: Double = 5) async {
        let until = ContinuousClock.now + .seconds(graceSeconds)
        pictures.stopTaking()
        while ContinuousClock.now < until, !pictures.isIdle {
            try? await Task.sleep(for: .milliseconds(20))
        }
        ticking.withLock { $0?.cancel() }
        await spawner.stop(within: .seconds(5))
        common.events.close()
        common.lock.withLock { fleet in for service in services { service.close(&fleet) } }
        await sockets.stop()
        await listener.shutdown(graceSeconds: max(1, (until - ContinuousClock.now).inSeconds))
        client.close()
        await common.store.close()
    }

    /// Until the next tick. Jobs whose starts lie apart go on meanwhile, each at its time.
    private func rest(for time: Duration) async {
        let end = SystemTime.now() + time
        while !Task.isCancelled {
            let due = common.lock.withLock { $0.core.scheduler.nextPauseEnd } ?? end
            let now = SystemTime.now()
            guard due < end else {
                try? await Task.sleep(for: max(.zero, end - now))
                return
            }
            try? await Task.sleep(for: max(.milliseconds(1), due - now))
            common.lock.handle(.work(.pauseEnded))
        }
    }

    private func tickUntilCancelled() async {
        var count: UInt64 = 0
        while !Task.isCancelled {
            await rest(for: .milliseconds(100))
            common.lock.withLock { fleet in
                let now = fleet.tick()
                for service in services { service.tick(now, &fleet) }
            }
            common.health.probe()
            spawner.tick()
            count += 1
            if count % 10 == 0 { Task { [weak self] in await self?.commands.lookAtCallbacks() } }
            if count % 100 == 0 {
                common.events.keepAlive()
                SystemMemory.giveBack()
            }
        }
    }
}
