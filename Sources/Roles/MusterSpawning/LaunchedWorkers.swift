internal import MusterCore
internal import MusterLaunch
internal import MusterLaunchRules
internal import MusterLog
internal import MusterRole
internal import MusterStore
internal import MusterSystem
internal import Synchronization

/// Workers that a coordinator launches: as many as were asked for, whatever becomes of each.
///
/// Its own lock guards the mind, `WorkerPool`. Effects are performed under it and only queue.
final class LaunchedWorkers: Sendable {
    /// A task that takes longer is done again by another.
    private static let grace: Duration = .seconds(3600)
    /// Where the store has how many are wanted.
    private static let storedName = "workers"

    private let configuration: SpawnConfiguration
    private let site: LaunchSite
    private let store: any Store
    private let authenticator: Authenticator
    /// Among how many the machine is shared: as many as were wanted when the first was launched.
    private let sharers = Mutex<Int?>(nil)
    private let pool = Mutex(WorkerPool(random: SystemRandomNumberGenerator()))

    /// They join by the token that `authenticator` has for that.
    init(_ configuration: SpawnConfiguration, at site: LaunchSite, store: any Store, authenticator: Authenticator) {
        (self.configuration, self.site) = (configuration, site)
        (self.store, self.authenticator) = (store, authenticator)
    }

    /// With those that run already. Throws `StoreError`.
    func start(with running: [Int]) async throws {
        let stored = await storedScale()
        let wanted = configuration.workers ?? stored ?? configuration.workersAtFirst
        if wanted != stored { try await keep(scale: wanted) }
        handle(.adopted(running, wanted: wanted))
    }

    func tick() { handle(.ticked) }

    func ended(_ name: String, _ number: Int, _ reason: String) {
        if pool.withLock({ $0.stopping.contains(number) }) {
            Log.info("worker ended", ["name": name, "reason": reason])
        } else {
            Log.warning("a worker ended unasked", ["name": name, "reason": reason])
        }
        handle(.exited(number))
    }

    private func handle(_ event: WorkerPool.Event) {
        pool.withLock { pool in
            for effect in pool.handle(event, now: SystemTime.now()) {
                switch effect {
                case .stop(let number): site.launcher.stop(Self.name(of: number), grace: Self.grace)
                case .launch(let number): if !site.isClosed { launch(number) }
                }
            }
        }
    }

    private func launch(_ number: Int) {
        site.launchPlaced(
            { [self] in spec(of: number) },
            then: { [weak self] failure in
                guard let failure else { return self?.handle(.launched(number)) ?? () }
                Log.warning(
                    "a worker cannot be launched", ["name": Self.name(of: number), "reason": failure.message])
                self?.handle(.launchFailed(number))
            })
    }

    private func spec(of number: Int) -> LaunchSpec {
        let name = Self.name(of: number)
        let means = means(of: number)
        let arguments = [
            "worker", "--join", site.reachableURL, "--name", name, "--data",
            "\(configuration.containers == nil ? configuration.directory : "/tmp")/\(name)", "--drain-seconds",
            "\(Self.grace / .seconds(1))",
            "--orphan-seconds", "\(configuration.orphanTime / .seconds(1))",
        ]
        return LaunchSpec(
            name: name,
            arguments: arguments + shared + means.arguments(inContainer: configuration.containers != nil)
                + configuration.tlsArguments,
            environment: site.environment.merging(["MUSTER_TOKEN": authenticator.joinToken]) { $1 }
                .merging(means.environment) { $1 })
    }

    /// What all workers that are processes of this machine have together.
    private var shared: [String] {
        configuration.containers == nil ? ["--files-cache", configuration.directory + "/files"] : []
    }

    private func means(of number: Int) -> MachineMeans {
        let wanted = pool.withLock { $0.wanted }
        let count = sharers.withLock { sharers in
            sharers = sharers ?? wanted
            return sharers!
        }
        return configuration.machine.part(of: number, among: count)
    }

    private static func name(of number: Int) -> String { "\(LaunchName.worker)\(number)" }

    /// Names of those that shall stay.
    var staying: Set<String> { pool.withLock { Set($0.staying.map(Self.name)) } }

    var leaving: Set<String> { pool.withLock { Set($0.stopping.map(Self.name)) } }

    var runningCount: Int { pool.withLock { $0.runningCount } }

    /// Durable when it returns: a restarted coordinator wants as many. Throws `StoreError`, or a `Problem` (503) where there is no
    /// engine to have more of them.
    func scale(to count: Int) async throws {
        if count > pool.withLock({ $0.wanted }) { try site.requireLaunching(LaunchName.worker) }
        try await keep(scale: count)
        handle(.scaled(count))
    }

    private func storedScale() async -> Int? {
        guard let bytes = try? await store.meta(Self.storedName) else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self))
    }

    private func keep(scale: Int) async throws {
        try await store.commit([.setMeta(key: Self.storedName, value: Array("\(scale)".utf8))])
    }

    func addMetrics(to page: inout MetricsPage) {
        let (wanted, running) = pool.withLock { ($0.wanted, $0.runningCount) }
        page.add("workers_wanted", "gauge", "Workers to be launched.", wanted)
        page.add("workers_launched", "gauge", "Launched workers that run.", running)
    }
}
