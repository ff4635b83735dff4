internal import MusterContainers
internal import MusterCore
internal import MusterLaunchRules
internal import MusterLog
internal import Synchronization

/// Children that are any image's containers: nothing in them knows of Muster, so the coordinator reads what they print.
///
/// A container's output is read whole once it has ended, and recorded as one delivery before the engine forgets it: a coordinator
/// that comes back reads it again, and what is recorded already is not taken twice.
final class ForeignChildren: Sendable {
    private struct State {
        /// Those whose time was up: what they printed until then counts.
        var overdue: Set<String> = []
        /// What they printed until it was all that may count.
        var full: [String: ForeignOutput] = [:]
    }

    private let launcher: DockerLauncher
    private let range: Int
    private let limit: Duration
    private let state = Mutex(State())

    /// They print numbers of 1…`range`, within `limit`.
    init(_ launcher: DockerLauncher, range: Int, within limit: Duration) {
        (self.launcher, self.range, self.limit) = (launcher, range, limit)
    }

    /// Ends one that prints too much, or takes too long.
    func supervise(_ id: ChildID) {
        let name = "\(LaunchName.child)\(id)"
        Task { [weak self, launcher, range, limit] in
            switch await Self.watch(name, launcher, range, within: limit) {
            case .ended: return
            case .overdue: self?.state.withLock { _ = $0.overdue.insert(name) }
            // The engine's log of it may have gone on, and lost its beginning.
            case .full(let output): self?.state.withLock { $0.full[name] = output }
            }
            launcher.stop(name, grace: .zero)
        }
    }

    private enum Watched: Sendable {
        case ended
        case overdue
        /// It has printed all that may count.
        case full(ForeignOutput)
    }

    private static func watch(
        _ name: String, _ launcher: DockerLauncher, _ range: Int, within limit: Duration
    ) async -> Watched {
        await withTaskGroup(of: Watched.self) { group in
            group.addTask {
                try? await Task.sleep(for: limit)
                return Task.isCancelled ? .ended : .overdue
            }
            group.addTask { await follow(name, launcher, range).map(Watched.full) ?? .ended }
            defer { group.cancelAll() }
            return await group.next() ?? .ended
        }
    }

    /// What it printed, once that is all that may count. Begins anew when the engine breaks off. Nil: it ended before.
    private static func follow(_ name: String, _ launcher: DockerLauncher, _ range: Int) async -> ForeignOutput? {
        var backoff = Backoff(cap: .seconds(5))
        var random = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            var output = ForeignOutput(range: range)
            do {
                return try await launcher.follow(name) { output.take($0) } ? output : nil
            } catch {
                Log.debug("a child's output broke off", ["name": name, "reason": error.message])
            }
            try? await Task.sleep(for: backoff.next(using: &random))
        }
        return nil
    }

    /// Hands what one that has ended printed to `record`, unless it failed. Throws what is worth another try; until there is none,
    /// what is known of it is kept.
    func settle(
        _ name: String, _ end: ContainerEnd, _ record: (ForeignOutput) async throws -> Void
    ) async throws {
        let (isOverdue, full) = state.withLock { ($0.overdue.contains(name), $0.full[name]) }
        var output = full ?? ForeignOutput(range: range)
        if full == nil { try await end.readOutput { output.take($0) } }
        output.finish()
        if end.exitCode == 0 || output.isFull || isOverdue { try await record(output) }
        forget(name)
    }

    /// Of one that nobody waits for.
    func forget(_ name: String) {
        state.withLock { state in
            state.overdue.remove(name)
            state.full[name] = nil
        }
    }
}
