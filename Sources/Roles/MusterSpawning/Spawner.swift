package import MusterAPI
internal import MusterContainers
package import MusterCore
internal import MusterLaunch
internal import MusterLog
internal import MusterNumbers
internal import MusterRole
package import MusterScheduling
internal import MusterStore
internal import MusterSystem
internal import Synchronization

/// What a coordinator has running beside itself: children that gather numbers, and workers that it scales.
///
/// Its own lock guards the two minds, `Children` and `WorkerPool`. Effects are performed under it and only queue.
package final class Spawner: Sendable {
    struct State: ~Copyable {
        var children: Children
        var pool: WorkerPool
        var lastChild: Int64
        /// Numbers that children delivered, how many different ones, and what of it was no number. They fit each other at
        /// any moment, so `unique` may be behind the set for one.
        var received: Int
        var unique: Int
        var rejected: Int
        var isCompacting = false
        var batchesSinceSnapshot: Int
        /// Nothing is launched any more.
        var isStopping = false
        /// Requests with a key that is on its way to the store.
        var pendingKeys: Set<String> = []
        /// Children whose delivery is on its way to the store: one at a time.
        var delivering: Set<ChildID> = []
        /// Foreign children whose time was up: what they printed until then counts.
        var overdue: Set<String> = []
        /// What foreign children printed until it was all that may count.
        var full: [String: ForeignOutput] = [:]
        /// Before companions are started again.
        var backoffs: [String: Backoff] = [:]
        /// When the last of the companions, which were told to end, is killed. Nil: they are to run.
        var companionsEnd: ContinuousClock.Instant?

        /// The next child's record, of no effect before it is stored.
        mutating func newChild(_ key: String?, wanted: Int, isForeign: Bool) -> ChildRecord {
            lastChild += 1
            var record = ChildRecord(
                id: ChildID(lastChild), key: key, wanted: wanted, createdMs: SystemTime.wallClockMs())
            record.isForeign = isForeign
            return record
        }
    }

    /// After so many batches the set is stored whole, and they are forgotten.
    static let batchesPerSnapshot = 4_096
    static let childName = "child-"
    static let workerName = "worker-"
    /// Where it was told to find the coordinator: one that listens elsewhere now has no use for it.
    static let urlName = "MUSTER_LAUNCHED_BY"
    /// A task that takes longer is done again by another.
    private static let workerGrace: Duration = .seconds(3600)
    private static let childGrace: Duration = .seconds(2)

    package let configuration: SpawnConfiguration
    let store: any Store
    let authenticator: Authenticator
    let launcher: any Launcher
    /// Of launched containers; nil where there are none.
    private let placing: ContainerPlacing?
    /// Of children that are any image's.
    let foreignChildren: DockerLauncher?
    let numbers: NumberSet
    let state: Mutex<State>
    /// Set once the coordinator listens.
    private let surroundings = Mutex<Surroundings?>(nil)

    /// Where what is launched finds the coordinator.
    private struct Surroundings {
        let ownURL: String
        let urlAtHost: @Sendable (String) -> String
    }

    /// Takes up what an earlier process left in the store. Throws `StoreError`.
    init(
        _ configuration: SpawnConfiguration, store: any Store, authenticator: Authenticator, launcher: any Launcher,
        placing: ContainerPlacing? = nil, foreignChildren: DockerLauncher? = nil
    ) async throws {
        self.configuration = configuration
        self.store = store
        self.authenticator = authenticator
        self.launcher = launcher
        self.placing = placing
        self.foreignChildren = foreignChildren
        let stored = try await store.numbers()
        numbers = try NumberSet(range: configuration.range, stored: stored)
        var children = Children(
            settings: configuration.children, counters: try await store.childCounters(),
            random: SystemRandomNumberGenerator())
        let now = SystemTime.now()
        for record in try await store.unfinishedChildren() { _ = children.handle(.restored(record), now: now) }
        let lastChild = try await store.largestIDs().child
        state = Mutex(
            State(
                children: children, pool: WorkerPool(random: SystemRandomNumberGenerator()), lastChild: lastChild,
                received: stored.received, unique: numbers.count, rejected: stored.rejected,
                batchesSinceSnapshot: stored.log.count))
    }

    /// Finds what is running already, then launches what is wanted. `ownURL` is the coordinator as this machine reaches it,
    /// `urlAtHost` as others do that know it by this name. Throws `StoreError`.
    package func start(ownURL: String, urlAtHost: @escaping @Sendable (String) -> String) async throws {
        surroundings.withLock { $0 = Surroundings(ownURL: ownURL, urlAtHost: urlAtHost) }
        foreignChildren?.beforeEnd { [weak self] in try await self?.readNumbers(of: $0, $1) }
        let alive: [String]
        do {
            alive = try await launcher.adopt(expecting: [Self.urlName: reachableURL])
        } catch {
            Log.error("cannot look for what is running already", ["reason": error.message])
            alive = []
        }
        let workers = alive.compactMap { Self.number(in: $0, after: Self.workerName) }.map { Int($0) }
        let children = alive.compactMap { Self.number(in: $0, after: Self.childName) }.map { ChildID($0) }
        if !alive.isEmpty { Log.notice("adopted", ["workers": "\(workers.count)", "children": "\(children.count)"]) }
        let stored = await storedScale()
        let wanted = configuration.workers ?? stored ?? configuration.workersAtFirst
        if wanted != stored { try await keep(scale: wanted) }
        handle(.adopted(workers, wanted: wanted))
        handle(.adopted(Set(children)))
        for child in children { superviseForeign(child) }
        startCompanions(besides: alive)
        // What ended meanwhile is told now, and known.
        launcher.onExit { [weak self] in self?.ended($0) }
    }

    private static func number(in name: String, after prefix: String) -> Int64? {
        name.hasPrefix(prefix) ? Int64(name.dropFirst(prefix.count)) : nil
    }

    private func storedScale() async -> Int? {
        guard let bytes = try? await store.meta("workers") else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self))
    }

    package func tick() {
        handle(.ticked as Children.Event)
        handle(.ticked as WorkerPool.Event)
    }

    private func ended(_ exit: LaunchExit) {
        // Its record stays as it is: the next coordinator finds it gone.
        if state.withLock({ $0.isStopping }) { return }
        let reason = exit.reason.isEmpty ? "it ended while the coordinator was away" : exit.reason
        if let number = Self.number(in: exit.name, after: Self.childName) {
            if let record = state.withLock({ $0.children[ChildID(number)] }), record.state != .done {
                Log.warning(
                    "a child ended before its numbers were here",
                    ["child": "\(number)", "attempt": "\(record.attempt)", "reason": reason])
            }
            handle(.exited(ChildID(number), reason: reason))
        } else if let number = Self.number(in: exit.name, after: Self.workerName) {
            if state.withLock({ $0.pool.stopping.contains(Int(number)) }) {
                Log.info("worker ended", ["name": exit.name, "reason": reason])
            } else {
                Log.warning("a worker ended unasked", ["name": exit.name, "reason": reason])
            }
            handle(.exited(Int(number)))
        } else if let companion = configuration.companions.first(where: { $0.name == exit.name }) {
            companionEnded(companion, reason)
        }
    }

    // MARK: Children

    /// Newest first, those below an id. Throws `StoreError`.
    package func records(before: ChildID?, limit: Int) async throws -> [ChildRecord] {
        let stored = try await store.children(before: before, limit: limit)
        return state.withLock { state in stored.map { state.children[$0.id] ?? $0 } }
    }

    package var progress: NumbersProgress {
        state.withLock {
            NumbersProgress(
                unique: $0.unique, received: $0.received, rejected: $0.rejected, range: configuration.range,
                children: $0.children)
        }
    }

    func handle(_ event: Children.Event) { state.withLock { handle(event, &$0) } }

    func handle(_ event: Children.Event, _ state: inout State) {
        for effect in state.children.handle(event, now: SystemTime.now()) {
            switch effect {
            case .save(let record): save(record)
            case .stop(let id): launcher.stop("\(Self.childName)\(id)", grace: Self.childGrace)
            case .launch(let record): if !state.isStopping { launch(record) }
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

    private func launch(_ record: ChildRecord) {
        launchPrepared(
            { [self] in spec(of: record) },
            then: { [weak self] failure in
                guard let failure else {
                    Log.info("child started", ["child": "\(record.id)", "attempt": "\(record.attempt)"])
                    self?.handle(.launched(record.id))
                    self?.superviseForeign(record.id)
                    return
                }
                Log.warning("a child cannot be launched", ["child": "\(record.id)", "reason": failure.message])
                self?.handle(
                    .launchFailed(record.id, reason: failure.message, isRetryable: failure.isRetryable))
            })
    }

    private func spec(of record: ChildRecord) -> LaunchSpec {
        var arguments = ["child", "--join", reachableURL, "--id", "\(record.id)"]
        arguments += ["--numbers", "\(record.wanted)", "--offset", "\(record.received)"]
        arguments += [
            "--range", "\(configuration.range)", "--orphan-seconds", "\(configuration.orphanTime / .seconds(1))",
        ]
        if let command = configuration.childCommand {
            // It delivers what it has before its own time is up.
            let limit = configuration.children.lifeTime * 0.8
            arguments += ["--command", command, "--command-seconds", "\(limit / .seconds(1))"]
        }
        return LaunchSpec(
            name: "\(Self.childName)\(record.id)", arguments: arguments + configuration.tlsArguments,
            environment: [Self.urlName: reachableURL, "MUSTER_TOKEN": authenticator.secret(of: record.id)])
    }

    /// Where what is launched finds the coordinator: as the operator says, as its place among containers wants it, or here. Known for
    /// good once the engine has answered.
    var reachableURL: String {
        if let advertised = configuration.advertisedURL { return advertised }
        guard let surroundings = surroundings.withLock({ $0 }) else { return "" }
        return placing?.placement.host.map(surroundings.urlAtHost) ?? surroundings.ownURL
    }
    /// The same for what is always a process of this machine.
    var nearURL: String { surroundings.withLock { $0 }?.ownURL ?? "" }

    /// The same for what may be a container: its place is known before `spec` is made.
    private func launchPrepared(
        _ spec: @escaping @Sendable () -> LaunchSpec, then: @escaping @Sendable (LaunchError?) -> Void
    ) {
        Task { [weak self] in
            do {
                try await self?.placing?.find()
            } catch {
                return then((error as? EngineError)?.launchError ?? LaunchError(.unreachable, "\(error)"))
            }
            self?.launch(spec(), then: then)
        }
    }

    func launch(_ spec: LaunchSpec, then: @escaping @Sendable (LaunchError?) -> Void) {
        Task { [launcher] in
            do throws(LaunchError) {
                try await launcher.launch(spec)
                then(nil)
            } catch {
                then(error)
            }
        }
    }

    // MARK: Workers

    func handle(_ event: WorkerPool.Event) {
        state.withLock { state in
            for effect in state.pool.handle(event, now: SystemTime.now()) {
                switch effect {
                case .stop(let number): launcher.stop("\(Self.workerName)\(number)", grace: Self.workerGrace)
                case .launch(let number): if !state.isStopping { launchWorker(number) }
                }
            }
        }
    }

    private func launchWorker(_ number: Int) {
        launchPrepared(
            { [self] in spec(ofWorker: number) },
            then: { [weak self] failure in
                guard let failure else { return self?.handle(.launched(number)) ?? () }
                Log.warning(
                    "a worker cannot be launched", ["name": "\(Self.workerName)\(number)", "reason": failure.message])
                self?.handle(.launchFailed(number))
            })
    }

    private func spec(ofWorker number: Int) -> LaunchSpec {
        let name = "\(Self.workerName)\(number)"
        let arguments = [
            "worker", "--join", reachableURL, "--slots", "1", "--name", name, "--data",
            "\(configuration.containers == nil ? configuration.directory : "/tmp")/\(name)", "--drain-seconds",
            "\(Self.workerGrace / .seconds(1))",
            "--orphan-seconds", "\(configuration.orphanTime / .seconds(1))",
        ]
        return LaunchSpec(
            name: name, arguments: arguments + configuration.tlsArguments,
            environment: [Self.urlName: reachableURL, "MUSTER_TOKEN": authenticator.joinToken])
    }

    /// Names of those that are launched and shall stay.
    package var launchedWorkers: Set<String> {
        state.withLock { Set($0.pool.staying.map { "\(Self.workerName)\($0)" }) }
    }

    /// For the end at once: nothing of what it launched stays.
    package func killAll() { launcher.killAll() }

    package var runningWorkers: Int { state.withLock { $0.pool.runningCount } }

    package var leavingWorkers: Set<String> {
        state.withLock { Set($0.pool.stopping.map { "\(Self.workerName)\($0)" }) }
    }

    /// Throws a 503 that says what to do while nothing of that name can be launched: what is promised now would wait for nobody
    /// knows how long.
    func requireLaunching(_ prefix: String) throws(Problem) {
        guard let defect = launcher.defect(of: prefix) else { return }
        throw Problem(503, defect.message, code: "engine", retryAfter: 5)
    }

    /// Durable when it returns: a restarted coordinator wants as many. Throws `StoreError`, or a `Problem` (503) where there is no
    /// engine to have more of them.
    package func scale(to count: Int) async throws {
        if count > state.withLock({ $0.pool.wanted }) { try requireLaunching(Self.workerName) }
        try await keep(scale: count)
        handle(.scaled(count))
    }

    private func keep(scale: Int) async throws {
        try await store.commit([.setMeta(key: "workers", value: Array("\(scale)".utf8))])
    }

    /// Launches nothing any more, and ends what runs: workers may finish what they hold, children their numbers, companions what
    /// they are asked. Returns when all are gone, at the latest after `limit`, or the companions' own grace, and a moment.
    package func stop(within limit: Duration) async {
        state.withLock { $0.isStopping = true }
        let clock = ContinuousClock()
        let until = clock.now + limit
        let allUntil = max(until, endCompanions())
        let companions = Set(configuration.companions.map(\.name))
        let childrenUntil = clock.now + min(limit, Self.childGrace)
        var told: Set<String> = []
        while let left = try? await launcher.adopt(expecting: [:]), !left.isEmpty, clock.now < allUntil + .seconds(1) {
            let isChildrensEnd = clock.now >= childrenUntil
            for name in left where !companions.contains(name) && (isChildrensEnd || !name.hasPrefix(Self.childName)) {
                if told.insert(name).inserted { launcher.stop(name, grace: until - clock.now) }
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}

/// How a coordinator spawns.
package struct SpawnConfiguration: Sendable {
    /// Of the launcher and of launched workers. Created.
    package var directory: String
    /// What is launched: this same program.
    package var executable = "/proc/self/exe"
    /// Where what is launched finds the coordinator. From `--advertise`; nil is the address it listens on.
    package var advertisedURL: String?
    /// PEM file that what is launched trusts. From `--tls-cert`; nil trusts the system's.
    package var tlsAuthority: String?
    /// Numbers are 1…`range`. From `--range`, else 10,000,000.
    package var range = Limits.numberRangeDefault
    /// From `--child-command`; nil is Muster's own child.
    package var childCommand: String?
    package var children = Children.Settings()
    /// How long what was launched outlives a coordinator that is away. From `--orphan-seconds`, else 60 s.
    package var orphanTime: Duration = .seconds(60)
    /// Workers to have from the start; nil is as many as there were last. From `up --workers`.
    package var workers: Int?
    /// The same where there is no last time.
    package var workersAtFirst = 0
    /// Where workers and children are containers, from `--launcher docker`. Nil: processes of this machine.
    package var containers: ContainerSettings?
    /// Whose containers print the numbers. From `--child-image`; nil is Muster's own child.
    package var childImage: ChildImage?
    /// Whether children are somebody else's program, which brings what it brings.
    var areChildrenForeign: Bool { childCommand != nil || childImage != nil }
    /// What else is kept running. From `up`.
    package var companions: [Companion] = []
    /// How long each of them may take to end. From `up --drain-seconds` and `--finish-seconds`.
    package var companionGrace: Duration = .seconds(5)

    package init(directory: String) { self.directory = directory }

    var tlsArguments: [String] {
        guard let tlsAuthority else { return [] }
        return ["--tls-ca", containers == nil ? tlsAuthority : ContainerPlacement.authorityPath]
    }
}
