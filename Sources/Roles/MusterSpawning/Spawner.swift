package import MusterAPI
internal import MusterContainers
package import MusterCore
internal import MusterExec
internal import MusterLaunch
package import MusterLaunchRules
internal import MusterLog
package import MusterRole
internal import MusterStore

/// What a coordinator has running beside itself: children that gather numbers, workers that it scales, and companions. Each kind has
/// its own type; here is what they have in common, their beginning and their end, and what the coordinator asks of them.
package final class Spawner: Sendable {
    package let configuration: SpawnConfiguration
    private let site: LaunchSite
    private let ledger: NumberLedger
    private let children: LaunchedChildren
    /// Of children that are any image's; nil where they are this program's own.
    private let foreignLauncher: DockerLauncher?
    private let intake: NumberIntake
    private let workers: LaunchedWorkers
    private let companions: Companions

    /// Takes up what an earlier process left in the store. Throws `StoreError`.
    init(
        _ configuration: SpawnConfiguration, store: any Store, authenticator: Authenticator, launcher: any Launcher,
        placing: ContainerPlacing? = nil, foreignChildren: DockerLauncher? = nil
    ) async throws {
        self.configuration = configuration
        let site = LaunchSite(
            launcher: launcher, placing: placing, advertisedURL: configuration.advertisedURL,
            allowsExec: configuration.allowsExec)
        self.site = site
        foreignLauncher = foreignChildren
        let foreign = foreignChildren.map {
            ForeignChildren($0, range: configuration.range, within: configuration.printTime)
        }
        let requests = KeyedRequests()
        ledger = try await NumberLedger(range: configuration.range, store: store)
        children = try await LaunchedChildren(
            configuration, at: site, store: store, authenticator: authenticator, requests: requests,
            foreign: foreign)
        intake = NumberIntake(from: children, into: ledger, store: store, requests: requests, foreign: foreign)
        workers = LaunchedWorkers(configuration, at: site, store: store, authenticator: authenticator)
        companions = Companions(configuration, at: site)
    }

    /// Finds what is running already, then launches what is wanted. `ownURL` is the coordinator as this machine reaches it,
    /// `urlAtHost` as others do that know it by this name. Throws `StoreError`.
    package func start(ownURL: String, urlAtHost: @escaping @Sendable (String) -> String) async throws {
        site.open(ownURL: ownURL, urlAtHost: urlAtHost)
        foreignLauncher?.beforeEnd { [weak intake] in try await intake?.record(endOf: $0, $1) }
        let alive: [String]
        do {
            alive = try await site.adopt()
        } catch {
            Log.error("cannot look for what is running already", ["reason": error.message])
            alive = []
        }
        let running = alive.compactMap { LaunchName.number(in: $0, after: LaunchName.worker) }.map { Int($0) }
        let living = alive.compactMap { LaunchName.number(in: $0, after: LaunchName.child) }.map { ChildID($0) }
        if !alive.isEmpty { Log.notice("adopted", ["workers": "\(running.count)", "children": "\(living.count)"]) }
        try await workers.start(with: running)
        children.start(with: living)
        companions.start(besides: alive)
        // What ended meanwhile is told now, and known.
        site.launcher.onExit { [weak self] in self?.ended($0) }
        site.launcher.onFind { [weak self] in self?.found($0) }
    }

    package func tick() {
        children.tick()
        workers.tick()
    }

    /// Running since an earlier coordinator, though it was not to be seen at the start. Children are launched again, which finds them.
    private func found(_ name: String) {
        guard !site.isClosed, let number = LaunchName.number(in: name, after: LaunchName.worker) else { return }
        Log.notice("adopted", ["name": name])
        workers.found(Int(number))
    }

    private func ended(_ exit: LaunchExit) {
        // Its record stays as it is: the next coordinator finds it gone.
        if site.isClosed { return }
        let reason = exit.reason.isEmpty ? "it ended while the coordinator was away" : exit.reason
        if let number = LaunchName.number(in: exit.name, after: LaunchName.child) {
            children.ended(ChildID(number), reason)
        } else if let number = LaunchName.number(in: exit.name, after: LaunchName.worker) {
            workers.ended(exit.name, Int(number), reason)
        } else {
            companions.ended(exit.name, reason)
        }
    }

    /// Tells companions to end, each in its own time. Returns when the last of them will be gone, however often it is called.
    @discardableResult
    package func endCompanions() -> ContinuousClock.Instant { companions.end() }

    /// For the end at once: nothing of what it launched stays.
    package func killAll() {
        site.launcher.killAll()
        endCommands()
    }

    /// Those of workers that were killed: they are in sessions of their own.
    private func endCommands() {
        guard configuration.allowsExec, configuration.containers == nil else { return }
        let count = CommandRunner.endAll(below: configuration.directory)
        if count > 0 { Log.notice("ended processes of tasks", ["processes": "\(count)"]) }
    }

    /// Launches nothing any more, and ends what runs: workers may finish what they hold, children their numbers, companions what
    /// they are asked. Returns when all are gone, at the latest after `limit`, or the companions' own grace, and a moment.
    package func stop(within limit: Duration) async {
        site.close()
        let launcher = site.launcher
        let clock = ContinuousClock()
        let until = clock.now + limit
        let allUntil = max(until, companions.end())
        let spared = companions.names
        let childrenUntil = clock.now + min(limit, LaunchedChildren.grace)
        var told: Set<String> = []
        while let left = try? await launcher.adopt(expecting: [:]), !left.isEmpty, clock.now < allUntil + .seconds(1) {
            let isChildrensEnd = clock.now >= childrenUntil
            for name in left where !spared.contains(name) && (isChildrensEnd || !name.hasPrefix(LaunchName.child)) {
                if told.insert(name).inserted { launcher.stop(name, grace: until - clock.now) }
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
        endCommands()
    }

    package func addMetrics(to page: inout MetricsPage) {
        ledger.addMetrics(to: &page)
        children.addMetrics(to: &page)
        workers.addMetrics(to: &page)
    }
}

/// What people ask of children and workers.
extension Spawner {
    /// Durable, and in line. With a key that was used before: what was made then. Throws `Problem`, among them
    /// a 503 while there is no engine to make containers, or `StoreError`.
    package func create(_ asked: ChildrenRequest, key: String?) async throws -> [ChildRecord] {
        try await children.create(asked, key: key)
    }

    /// Newest first, those below an id. Throws `StoreError`.
    package func records(before: ChildID?, limit: Int) async throws -> [ChildRecord] {
        try await children.records(before: before, limit: limit)
    }

    /// Calls a child off, and returns it as it stands: one that was over before stays as it was. Nil: there is none. Throws
    /// `StoreError`.
    package func cancel(_ id: ChildID) async throws -> ChildRecord? { try await children.cancel(id) }

    /// Throws `Problem` or `StoreError`. What is not the next part of the child's numbers changes nothing.
    package func record(_ report: NumbersReport, of id: ChildID) async throws -> NumbersVerdict {
        try await intake.record(report, of: id)
    }

    /// Of a child that nobody launched, all of it at once. Throws `Problem` or `StoreError`.
    package func record(_ report: NumbersReport, key: String?) async throws -> NumbersVerdict {
        try await intake.record(report, key: key)
    }

    package var progress: NumbersProgress { intake.progress }

    /// Durable when it returns: a restarted coordinator wants as many. Throws `StoreError`, or a `Problem` (503) where there is no
    /// engine to have more of them.
    package func scale(to count: Int) async throws { try await workers.scale(to: count) }

    /// As many as the queue needs; those of these numbers go first where there are more. Those that are told to stop: nothing more is to be
    /// given to them. Only queues.
    package func resize(to count: Int, first: [Int]) -> [Int] { workers.resize(to: count, first: first) }

    /// Launched workers, by number, and what the one of a number is called.
    package var workerPlaces: [WorkerPool.Place] { workers.places }
    package static func workerName(_ number: Int) -> String { LaunchedWorkers.name(of: number) }

    /// The worker of this number has joined; or it goes, as somebody drained it.
    package func workerJoined(_ number: Int) { workers.joined(number) }
    package func workerLeaves(_ number: Int) { workers.leaves(number) }

    /// Whether launched workers, as far as one knows before the first has said it, find an engine for tasks that are containers.
    package var workersHaveEngine: Bool {
        guard configuration.containers == nil else { return false }
        let named = Environment.inherited["DOCKER_HOST"]
        return (try? EngineAddress(given: nil, dockerHost: named))?.isUsable == true
    }

    /// What a worker of each number, from 1, has when nothing runs there. None where people say how many there are.
    package var launchable: [Resources] { workers.launchable }

    /// Why the last worker could not be launched, or ended unasked; empty: none did.
    package var workerTrouble: String { workers.lastTrouble }

    /// Names of those that are launched and shall stay.
    package var launchedWorkers: Set<String> { workers.staying }

    package var wantedWorkers: Int { workers.wantedCount }

    package var runningWorkers: Int { workers.runningCount }

    package var leavingWorkers: Set<String> { workers.leaving }
}
