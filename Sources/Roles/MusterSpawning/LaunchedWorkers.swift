internal import MusterContainers
internal import MusterCore
internal import MusterLaunch
internal import MusterLaunchRules
internal import MusterLog
internal import MusterRole
internal import MusterStore
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Workers that a coordinator launches: as many as were asked for, or as the queue needs, whatever becomes of each.
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
    private let pool: Mutex<WorkerPool>
    /// Why the last one could not be launched, or ended unasked.
    private let trouble = Mutex("")

    /// They join by the token that `authenticator` has for that.
    init(_ configuration: SpawnConfiguration, at site: LaunchSite, store: any Store, authenticator: Authenticator) {
        (self.configuration, self.site) = (configuration, site)
        (self.store, self.authenticator) = (store, authenticator)
        let most = configuration.autoscaling?.most ?? WorkerPool.workersMax
        let triesOthers = configuration.autoscaling != nil
        pool = Mutex(WorkerPool(most: most, triesOthers: triesOthers, random: SystemRandomNumberGenerator()))
    }

    /// With those that run already. Throws `StoreError`.
    func start(with running: [Int]) async throws {
        if let bounds = configuration.autoscaling {
            handle(.adopted(running, wanted: max(bounds.least, running.count)))
            return
        }
        let stored = await storedScale()
        let wanted = configuration.workers ?? stored ?? configuration.workersAtFirst
        if wanted != stored { try await keep(scale: wanted) }
        handle(.adopted(running, wanted: wanted))
    }

    func tick() { handle(.ticked) }

    /// It runs since an earlier coordinator. Where the queue decides how many there are, it stays until that says otherwise.
    func found(_ number: Int) { handle(.found(number, isWanted: configuration.autoscaling != nil)) }

    func ended(_ name: String, _ number: Int, _ reason: String) {
        if pool.withLock({ $0.stopping.contains(number) }) {
            Log.info("worker ended", ["name": name, "reason": reason])
        } else {
            Log.warning("a worker ended unasked", ["name": name, "reason": reason])
            trouble.withLock { $0 = reason }
        }
        handle(.exited(number))
    }

    /// Those that are told to stop.
    @discardableResult
    private func handle(_ event: WorkerPool.Event) -> [Int] {
        pool.withLock { pool in
            var stopped: [Int] = []
            for effect in pool.handle(event, now: SystemTime.now()) {
                switch effect {
                case .stop(let number):
                    site.launcher.stop(Self.name(of: number), grace: Self.grace)
                    stopped.append(number)
                case .launch(let number): if !site.isClosed { launch(number) }
                }
            }
            return stopped
        }
    }

    private func launch(_ number: Int) {
        site.launchPlaced(
            { [self] in spec(of: number) },
            then: { [weak self] failure in
                guard let self else { return }
                guard let failure else {
                    handle(.launched(number))
                    return
                }
                Log.warning(
                    "a worker cannot be launched", ["name": Self.name(of: number), "reason": failure.message])
                trouble.withLock { $0 = failure.message }
                handle(.launchFailed(number))
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
            environment: site.environment
                .merging(["MUSTER_TOKEN": authenticator.joinToken, LaunchMark.variable: name]) { $1 }
                .merging(means.environment) { $1 })
    }

    /// What all workers that are processes of this machine have together.
    private var shared: [String] {
        configuration.containers == nil ? ["--files-cache", configuration.directory + "/files"] : []
    }

    private func means(of number: Int) -> MachineMeans {
        if let most = configuration.autoscaling?.most { return configuration.machine.part(of: number, among: most) }
        let wanted = pool.withLock { $0.wanted }
        let count = sharers.withLock { sharers in
            sharers = sharers ?? wanted
            return sharers!
        }
        return configuration.machine.part(of: number, among: count)
    }

    static func name(of number: Int) -> String { "\(LaunchName.worker)\(number)" }

    /// Names of those that shall stay.
    var staying: Set<String> { pool.withLock { Set($0.staying.map(Self.name)) } }

    var leaving: Set<String> { pool.withLock { Set($0.stopping.map(Self.name)) } }

    var wantedCount: Int { pool.withLock { $0.wanted } }

    var runningCount: Int { pool.withLock { $0.runningCount } }

    /// Durable when it returns: a restarted coordinator wants as many. Throws `StoreError`, or a `Problem` (503) where there is no
    /// engine to have more of them.
    func scale(to count: Int) async throws {
        if let bounds = configuration.autoscaling {
            throw Problem(
                409,
                "This coordinator has as many workers as its queue needs, \(bounds.least) to \(bounds.most) "
                    + "(--workers-min, --workers-max): nobody sets their number.", code: "state")
        }
        if count > pool.withLock({ $0.wanted }) { try site.requireLaunching(LaunchName.worker) }
        try await keep(scale: count)
        handle(.scaled(count))
    }

    /// As many as the queue needs. Those that are told to stop.
    func resize(to count: Int, first: [Int]) -> [Int] {
        let wanted = pool.withLock { $0.wanted }
        return wanted == count && first.isEmpty ? [] : handle(.scaled(count, first: first))
    }

    /// The worker of this number has joined; or it goes, as somebody drained it.
    func joined(_ number: Int) { handle(.joined(number)) }
    func leaves(_ number: Int) { handle(.leaving(number)) }

    var places: [WorkerPool.Place] { pool.withLock { $0.places } }

    var lastTrouble: String { trouble.withLock { $0 } }

    /// What the workers have when nothing runs there: the one of each number, from 1, of as many as there may be.
    var launchable: [Resources] {
        guard let most = configuration.autoscaling?.most else { return [] }
        return (1...most).map { number in
            let means = means(of: number)
            // No bound on a container's memory is all of the machine's.
            let bound = configuration.containers?.limits.memoryBytes ?? 0
            let memory = bound > 0 ? bound : means.memory
            let gpus = configuration.containers == nil ? means.gpus.count : 0
            return Resources(Amounts(cpus: means.slots, memory: memory, gpus: gpus, counts: means.counts))
        }
    }

    private func storedScale() async -> Int? {
        guard let bytes = try? await store.meta(Self.storedName) else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self))
    }

    private func keep(scale: Int) async throws {
        try await store.commit([.setMeta(key: Self.storedName, value: Array("\(scale)".utf8))])
    }

    func addMetrics(to page: inout MetricsPage) {
        let pool = pool.withLock { $0 }
        let time = pool.workerTime(SystemTime.now())
        page.add("workers_wanted", "gauge", "Workers to be launched.", pool.wanted)
        page.add("workers_launched", "gauge", "Launched workers that run.", pool.runningCount)
        page.add("worker_launches_total", "counter", "Launches of workers.", pool.counters.launched)
        page.add(
            "worker_launches_failed_total", "counter",
            "Those that failed, or whose workers ended unasked before they had joined.",
            pool.counters.failed)
        page.add("workers_stopped_total", "counter", "Launched workers that were told to go.", pool.counters.stopped)
        page.add(
            "worker_seconds_total", "counter", "What launched workers took, each from its launch to its end.",
            milliseconds: Int(time.inNanoseconds / 1_000_000))
        guard let bounds = configuration.autoscaling else { return }
        page.add("workers_min", "gauge", "As many workers as there are at least.", bounds.least)
        page.add("workers_max", "gauge", "As many workers as there are at most.", bounds.most)
    }
}
