internal import MusterCore
internal import MusterLaunch
internal import MusterLog
internal import Synchronization

/// Another role of this program that a coordinator keeps running beside itself: an origin, an edge.
package struct Companion: Sendable, Hashable {
    /// Unique among what the fleet has running; neither `child-…` nor `worker-…`.
    package var name: String
    /// Those after the program's name; the coordinator's URL comes behind them as `--join`.
    package var arguments: [String]
    package var environment: [String: String]
    /// What it prints is printed where this process prints; else it goes to a file, with what it logs.
    package var sharesOutput: Bool

    package init(
        name: String, arguments: [String], environment: [String: String] = [:], sharesOutput: Bool = false
    ) {
        (self.name, self.arguments, self.environment) = (name, arguments, environment)
        self.sharesOutput = sharesOutput
    }
}

/// Keeps companions running until they are told to end.
final class Companions: Sendable {
    private struct State {
        /// Before they are started again.
        var backoffs: [String: Backoff] = [:]
        /// When the last of them, which were told to end, is killed. Nil: they are to run.
        var end: ContinuousClock.Instant?
    }

    private let all: [Companion]
    private let grace: Duration
    /// Those of each, behind its own.
    private let arguments: [String]
    private let site: LaunchSite
    private let state = Mutex(State())

    init(_ configuration: SpawnConfiguration, at site: LaunchSite) {
        (all, grace, self.site) = (configuration.companions, configuration.companionGrace, site)
        // They are processes of this machine whatever the launcher of the others.
        let authority = configuration.tlsAuthority.map { ["--tls-ca", $0] } ?? []
        arguments = authority + ["--orphan-seconds", "\(configuration.orphanTime / .seconds(1))"]
    }

    var names: Set<String> { Set(all.map(\.name)) }

    /// Launches those that do not run already.
    func start(besides alive: [String]) {
        for companion in all where !alive.contains(companion.name) { start(companion) }
    }

    /// Tells them to end, each in its own time: it says that it is not ready, answers on for a while and finishes what is under way.
    /// None is started again. Returns when the last of them will be gone, however often it is called.
    func end() -> ContinuousClock.Instant {
        let (end, isFirst) = state.withLock { state in
            let told = state.end
            let end = told ?? .now + grace
            state.end = end
            return (end, told == nil)
        }
        if isFirst { for companion in all { site.launcher.stop(companion.name, grace: grace) } }
        return end
    }

    private var areEnding: Bool { state.withLock { $0.end != nil } }

    /// Of whatever else has ended it takes no notice.
    func ended(_ name: String, _ reason: String) {
        if let companion = all.first(where: { $0.name == name }) { ended(companion, reason) }
    }

    /// It is started again, the sooner the longer it ran before.
    private func ended(_ companion: Companion, _ reason: String) {
        if areEnding { return }
        let pause = state.withLock { state in
            var random = SystemRandomNumberGenerator()
            return state.backoffs[companion.name, default: Backoff(base: .milliseconds(250), cap: .seconds(10))]
                .next(using: &random)
        }
        Log.warning("a part of the fleet ended, and is started again", ["name": companion.name, "reason": reason])
        Task { [weak self] in
            try? await Task.sleep(for: pause)
            self?.start(companion)
        }
    }

    private func start(_ companion: Companion) {
        if areEnding { return }
        let environment = companion.environment.merging(site.environment) { $1 }
        var spec = LaunchSpec(
            name: companion.name, arguments: companion.arguments + ["--join", site.nearURL] + arguments,
            environment: environment)
        spec.sharesOutput = companion.sharesOutput
        site.launch(spec) { [weak self] failure in
            guard let self else { return }
            if let failure { return ended(companion, failure.message) }
            // Told to end while it was on its way.
            guard !areEnding else { return site.launcher.stop(companion.name, grace: grace) }
            ranLongEnough(companion)
        }
    }

    /// What ran for a minute is none that fails at every start.
    private func ranLongEnough(_ companion: Companion) {
        Task { [weak self] in
            try? await Task.sleep(for: .seconds(60))
            self?.state.withLock { $0.backoffs[companion.name]?.reset() }
        }
    }
}
