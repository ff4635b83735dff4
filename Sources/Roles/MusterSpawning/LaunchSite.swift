internal import MusterContainers
internal import MusterLaunch
internal import MusterWire
internal import Synchronization

/// By what a coordinator launches, and where what it launches finds it: the one thing that children, workers and companions share.
final class LaunchSite: Sendable {
    /// Where it was told to find the coordinator: one that listens elsewhere now has no use for it.
    private static let urlName = "MUSTER_LAUNCHED_BY"
    /// The flag of workers, by its variable.
    private static let execName = "MUSTER_ALLOW_EXEC"

    let launcher: any Launcher
    private let advertisedURL: String?
    private let allowsExec: Bool
    /// Of launched containers; nil where there are none.
    private let placing: ContainerPlacing?
    /// Set once the coordinator listens.
    private let surroundings = Mutex<Surroundings?>(nil)
    private let closed = Atomic(false)

    private struct Surroundings {
        let ownURL: String
        let urlAtHost: @Sendable (String) -> String
    }

    /// `advertisedURL` is what the operator says of the coordinator; nil: it follows from where it listens. `allowsExec`: launched
    /// workers run commands.
    init(launcher: any Launcher, placing: ContainerPlacing?, advertisedURL: String?, allowsExec: Bool) {
        (self.launcher, self.placing, self.advertisedURL) = (launcher, placing, advertisedURL)
        self.allowsExec = allowsExec
    }

    /// The coordinator listens: `ownURL` is it as this machine reaches it, `urlAtHost` as others do that know it by this name.
    func open(ownURL: String, urlAtHost: @escaping @Sendable (String) -> String) {
        surroundings.withLock { $0 = Surroundings(ownURL: ownURL, urlAtHost: urlAtHost) }
    }

    /// Nothing is launched any more.
    func close() { closed.store(true, ordering: .sequentiallyConsistent) }

    var isClosed: Bool { closed.load(ordering: .sequentiallyConsistent) }

    /// Where what is launched finds the coordinator: as the operator says, as its place among containers wants it, or here. Known for
    /// good once the engine has answered.
    var reachableURL: String {
        if let advertisedURL { return advertisedURL }
        guard let surroundings = surroundings.withLock({ $0 }) else { return "" }
        return placing?.placement.host.map(surroundings.urlAtHost) ?? surroundings.ownURL
    }

    /// The same for what is always a process of this machine.
    var nearURL: String { surroundings.withLock { $0 }?.ownURL ?? "" }

    /// The names of what runs. Throws `LaunchError`.
    func adopt() async throws(LaunchError) -> [String] {
        try await launcher.adopt(expecting: environment.merging([Self.execName: ""]) { set, _ in set })
    }

    /// What everything launched is told. What an earlier coordinator told otherwise is of no use to this one.
    var environment: [String: String] {
        [Self.urlName: reachableURL].merging(allowsExec ? [Self.execName: "true"] : [:]) { $1 }
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

    /// The same for what may be a container: its place is known before `spec` is made.
    func launchPlaced(
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

    /// Throws a 503 that says what to do while nothing of that name can be launched: what is promised now would wait for nobody
    /// knows how long.
    func requireLaunching(_ prefix: String) throws(Problem) {
        guard let defect = launcher.defect(of: prefix) else { return }
        throw Problem(503, defect.message, code: "engine", retryAfter: 5)
    }
}
