internal import MusterLaunch
internal import MusterLog
internal import MusterScheduling
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

extension Spawner {
    /// Launches those that do not run already.
    func startCompanions(besides alive: [String]) {
        for companion in configuration.companions where !alive.contains(companion.name) { start(companion) }
    }

    /// Tells them to end, each in its own time: it says that it is not ready, answers on for a while and finishes what is under way.
    /// None is started again. Returns when the last of them will be gone, however often it is called.
    @discardableResult
    package func endCompanions() -> ContinuousClock.Instant {
        let grace = configuration.companionGrace
        let (end, isFirst) = state.withLock { state in
            let told = state.companionsEnd
            let end = told ?? .now + grace
            state.companionsEnd = end
            return (end, told == nil)
        }
        if isFirst { for companion in configuration.companions { launcher.stop(companion.name, grace: grace) } }
        return end
    }

    /// It ended: it is started again, the sooner the longer it ran before.
    func companionEnded(_ companion: Companion, _ reason: String) {
        if state.withLock({ $0.companionsEnd != nil }) { return }
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
        if state.withLock({ $0.companionsEnd != nil }) { return }
        var environment = companion.environment
        environment[Self.urlName] = reachableURL
        // It is a process of this machine whatever the launcher of the others.
        let authority = configuration.tlsAuthority.map { ["--tls-ca", $0] } ?? []
        let arguments = companion.arguments + ["--join", nearURL] + authority
        let orphan = ["--orphan-seconds", "\(configuration.orphanTime / .seconds(1))"]
        var spec = LaunchSpec(name: companion.name, arguments: arguments + orphan, environment: environment)
        spec.sharesOutput = companion.sharesOutput
        launch(spec) { [weak self] failure in
            guard let self else { return }
            if let failure { return companionEnded(companion, failure.message) }
            // Told to end while it was on its way.
            guard state.withLock({ $0.companionsEnd == nil }) else {
                return launcher.stop(companion.name, grace: configuration.companionGrace)
            }
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
