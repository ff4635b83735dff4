internal import MusterAPI
internal import MusterCore
internal import MusterLaunch
internal import MusterLaunchRules
internal import MusterLog
internal import MusterRole
internal import MusterStore
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Children: ordered, launched, and launched again where they died. What they bring is `NumberIntake`'s.
///
/// Its own lock guards the mind, `Children`. Effects are performed under it and only queue.
final class LaunchedChildren: Sendable {
    private struct State: ~Copyable {
        var mind: Children
        var lastID: Int64

        /// The next child's record, of no effect before it is stored.
        mutating func newRecord(_ key: String?, wanted: Int, isForeign: Bool) -> ChildRecord {
            lastID += 1
            var record = ChildRecord(id: ChildID(lastID), key: key, wanted: wanted, createdMs: SystemTime.wallClockMs())
            record.isForeign = isForeign
            return record
        }
    }

    static let grace: Duration = .seconds(2)

    private let configuration: SpawnConfiguration
    private let site: LaunchSite
    private let store: any Store
    private let authenticator: Authenticator
    private let requests: KeyedRequests
    /// Nil: they are this program's own.
    private let foreign: ForeignChildren?
    private let state: Mutex<State>

    /// Takes up those that an earlier process left unfinished. They prove who they are by the secrets that `authenticator` makes.
    /// Throws `StoreError`.
    init(
        _ configuration: SpawnConfiguration, at site: LaunchSite, store: any Store, authenticator: Authenticator,
        requests: KeyedRequests, foreign: ForeignChildren?
    ) async throws {
        (self.configuration, self.site, self.store) = (configuration, site, store)
        (self.authenticator, self.requests, self.foreign) = (authenticator, requests, foreign)
        var mind = Children(
            settings: configuration.children, counters: try await store.childCounters(),
            random: SystemRandomNumberGenerator())
        let now = SystemTime.now()
        for record in try await store.unfinishedChildren() { _ = mind.handle(.restored(record), now: now) }
        state = Mutex(State(mind: mind, lastID: try await store.largestIDs().child))
    }

    /// With those that run already.
    func start(with running: [ChildID]) {
        handle(.adopted(Set(running)))
        for id in running { foreign?.supervise(id) }
    }

    func tick() { handle(.ticked) }

    func ended(_ id: ChildID, _ reason: String) {
        if let record = unfinishedOrLeft(id), record.state != .done {
            Log.warning(
                "a child ended before its numbers were here",
                ["child": "\(id)", "attempt": "\(record.attempt)", "reason": reason])
        }
        handle(.exited(id, reason: reason))
    }

    /// As the mind has it: over perhaps, where its process still runs.
    private func unfinishedOrLeft(_ id: ChildID) -> ChildRecord? { state.withLock { $0.mind[id] } }

    /// Nil: it is over, or there is none.
    func unfinished(_ id: ChildID) -> ChildRecord? {
        unfinishedOrLeft(id).flatMap { $0.state.isFinal ? nil : $0 }
    }

    func withMind<Result>(_ body: (Children) -> Result) -> Result { state.withLock { body($0.mind) } }

    /// Of one that was never launched: of no effect before it is stored.
    func newRecord(_ key: String?, wanted: Int, isForeign: Bool) -> ChildRecord {
        state.withLock { $0.newRecord(key, wanted: wanted, isForeign: isForeign) }
    }

    func handle(_ event: Children.Event) {
        state.withLock { state in
            for effect in state.mind.handle(event, now: SystemTime.now()) {
                switch effect {
                case .save(let record): save(record)
                case .stop(let id): site.launcher.stop("\(LaunchName.child)\(id)", grace: Self.grace)
                case .launch(let record): if !site.isClosed { launch(record) }
                }
            }
        }
    }

    private func save(_ record: ChildRecord) {
        var record = record
        if record.state.isFinal { record.endedMs = SystemTime.wallClockMs() }
        switch record.state {
        case .failed: Log.error("a child failed", ["child": "\(record.id)", "reason": record.reason])
        case .done: Log.info("child done", ["child": "\(record.id)", "numbers": "\(record.received)"])
        default: break
        }
        store.commit([.saveChild(record)]) { result in
            if case .failure(let error) = result { Log.error("a child cannot be stored", ["reason": error.message]) }
        }
    }

    // MARK: Launching

    private func launch(_ record: ChildRecord) {
        site.launchPlaced(
            { [self] in spec(of: record) },
            then: { [weak self] failure in
                guard let failure else {
                    Log.info("child started", ["child": "\(record.id)", "attempt": "\(record.attempt)"])
                    self?.handle(.launched(record.id))
                    self?.foreign?.supervise(record.id)
                    return
                }
                Log.warning("a child cannot be launched", ["child": "\(record.id)", "reason": failure.message])
                self?.handle(
                    .launchFailed(record.id, reason: failure.message, isRetryable: failure.isRetryable))
            })
    }

    private func spec(of record: ChildRecord) -> LaunchSpec {
        var arguments = ["child", "--join", site.reachableURL, "--id", "\(record.id)"]
        arguments += ["--numbers", "\(record.wanted)", "--offset", "\(record.received)"]
        arguments += [
            "--range", "\(configuration.range)", "--orphan-seconds", "\(configuration.orphanTime / .seconds(1))",
        ]
        if let command = configuration.childCommand {
            arguments += ["--command", command, "--command-seconds", "\(configuration.printTime / .seconds(1))"]
        }
        return LaunchSpec(
            name: "\(LaunchName.child)\(record.id)", arguments: arguments + configuration.tlsArguments,
            environment: site.environment.merging(["MUSTER_TOKEN": authenticator.secret(of: record.id)]) { $1 })
    }

    // MARK: Orders

    /// Durable, and in line. With a key that was used before: what was made then. Throws `Problem`, among them
    /// a 503 while there is no engine to make containers, or `StoreError`.
    func create(_ asked: ChildrenRequest, key: String?) async throws -> [ChildRecord] {
        try await requests.once(
            key.map { "order/" + $0 }, known: { try await known($0, asked) }, new: { try await createNew(asked, $0) })
    }

    private func createNew(_ asked: ChildrenRequest, _ key: String?) async throws -> [ChildRecord] {
        try site.requireLaunching(LaunchName.child)
        let records = try state.withLock { state throws(Problem) -> [ChildRecord] in
            guard state.mind.hasRoom(for: asked.count) else {
                let unfinished = state.mind.unfinishedCount
                throw Problem(
                    503, "\(unfinished) children are not over yet, too many for \(asked.count) more.", retryAfter: 10,
                    limit: .children)
            }
            let isForeign = configuration.areChildrenForeign
            return (0..<asked.count).map { _ in state.newRecord(key, wanted: asked.numbers, isForeign: isForeign) }
        }
        try await store.commit(records.map { .saveChild($0) })
        Log.info(
            "children ordered",
            [
                "children": "\(records.count)", "first": records.first.map { "\($0.id)" } ?? "-",
                "numbers": "\(asked.numbers)",
            ])
        handle(.asked(records))
        return records
    }

    private func known(_ key: String, _ asked: ChildrenRequest) async throws -> [ChildRecord]? {
        let records = try await store.children(key: key)
        guard let first = records.first else { return nil }
        guard records.count == asked.count, first.wanted == asked.numbers else {
            throw Problem(
                422,
                "This Idempotency-Key asked for \(records.count) children of \(first.wanted) numbers before, not for"
                    + " \(asked.count) of \(asked.numbers).", code: "key")
        }
        return records
    }

    /// Calls a child off, and returns it as it stands: one that was over before stays as it was. Nil: there is none. Throws
    /// `StoreError`.
    func cancel(_ id: ChildID) async throws -> ChildRecord? {
        guard var record = unfinished(id) else { return try await store.child(id) }
        (record.state, record.endedMs) = (.cancelled, SystemTime.wallClockMs())
        // Durable first. What it delivers at this moment comes before or after that, whole: the store says which.
        try await store.commit([.saveChild(record)])
        guard let stored = try await store.child(id) else { return nil }
        if stored.state == .cancelled { handle(.cancelled([id])) }
        return stored
    }

    /// Newest first, those below an id. Throws `StoreError`.
    func records(before: ChildID?, limit: Int) async throws -> [ChildRecord] {
        let stored = try await store.children(before: before, limit: limit)
        return state.withLock { state in stored.map { state.mind[$0.id] ?? $0 } }
    }

    func addMetrics(to page: inout MetricsPage) {
        let (counters, waiting, live) = withMind { ($0.counters, $0.waitingCount, $0.liveCount) }
        page.add("children_waiting", "gauge", "Children in line.", waiting)
        page.add("children_live", "gauge", "Children that run.", live)
        page.add("children_launched_total", "counter", "Children started, repeats included.", counters.launched)
        page.add("children_died_total", "counter", "Children that ended before their numbers were in.", counters.died)
        page.add("children_failed_total", "counter", "Children given up.", counters.failed)
        page.add("children_cancelled_total", "counter", "Children called off.", counters.cancelled)
    }
}
