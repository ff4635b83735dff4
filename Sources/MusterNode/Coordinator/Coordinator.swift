internal import MusterAPI
internal import MusterCore
internal import MusterCrypto
internal import MusterHTTP
internal import MusterLog
internal import MusterStore
internal import MusterSystem
internal import Synchronization

/// The control plane's driver: HTTP and the store on one side, the pure fleet core on the other.
///
/// One lock guards the core and what is held for it. Every event takes the lock, is handled, and its effects are
/// performed under it: each effect only queues something (an answer, a commit, an event), so the lock is held for
/// microseconds, and effects happen in the order they were decided in. Nothing called under the lock calls back.
package final class Coordinator: Sendable {
    let configuration: CoordinatorConfiguration
    let store: any Store
    let authenticator: Authenticator
    let events = EventHub()
    let signals = JobSignals()
    let renderBudget = RenderBudget()
    let signedUpServers = ClassicServers()
    let state: Mutex<CoordinatorState>
    private let server = Mutex<HTTPServer?>(nil)
    private let ticking = Mutex<Task<Void, Never>?>(nil)
    package let tokens: TokenStore

    /// Opens the store and takes up what an earlier process left. Throws `NodeError` or `StoreError`.
    package init(_ configuration: CoordinatorConfiguration) async throws {
        try makeDirectory(configuration.dataDirectory)
        let store = try SQLiteStore(path: configuration.databasePath)
        self.store = store
        self.configuration = configuration
        tokens = try TokenStore(directory: configuration.dataDirectory, givenAdmin: configuration.adminToken)
        authenticator = Authenticator(
            key: try await Self.key(in: store), tokens: tokens, settings: configuration.access)
        let fleet = FleetCore(
            membership: configuration.membership, scheduler: configuration.scheduler, sealer: authenticator)
        state = Mutex(CoordinatorState(try await CoordinatorState.Restored(from: store, into: fleet)))
    }

    private static func key(in store: any Store) async throws -> MessageKey {
        if let kept = try await store.meta("key") { return MessageKey(bytes: kept) }
        let key = MessageKey.random()
        try await store.commit([.setMeta(key: "key", value: key.bytes)])
        return key
    }

    /// Listens and begins to tick. Throws when the port cannot be had.
    package func start() throws {
        let server = HTTPServer(configuration.server, routes: routes()) { [authenticator] head in
            try authenticator.require(head)
        }
        try server.start()
        self.server.withLock { $0 = server }
        ticking.withLock { $0 = Task { [weak self] in await self?.tickUntilCancelled() } }
    }

    package var dataDirectory: String { configuration.dataDirectory }
    package var port: UInt16 { server.withLock { $0?.port ?? 0 } }
    var serverStatistics: HTTPServer.Statistics? { server.withLock { $0?.statistics } }

    /// Answers what is held, finishes what is on its way to the store, then closes it.
    package func stop(graceSeconds: Double = 5) async {
        ticking.withLock { $0?.cancel() }
        events.close()
        endHeldCalls()
        if let server = server.withLock({ $0 }) { await server.shutdown(graceSeconds: graceSeconds) }
        signedUpServers.close()
        await store.close()
    }

    private func tickUntilCancelled() async {
        var count: UInt64 = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(100))
            tick()
            count += 1
            if count % 100 == 0 {
                events.keepAlive()
                SystemMemory.giveBack()
            }
        }
    }

    /// Hands an event to the core and does what it says.
    func handle(_ event: FleetEvent) { state.withLock { handle(event, &$0) } }

    func handle(_ event: FleetEvent, _ state: inout CoordinatorState) {
        let effects = state.fleet.handle(event, now: SystemTime.now(), wallClockMs: SystemTime.wallClockMs())
        perform(effects, &state)
    }
}
