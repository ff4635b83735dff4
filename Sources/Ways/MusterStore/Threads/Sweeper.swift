internal import MusterCore
internal import Synchronization

/// Has what forgotten jobs left removed, group by group, with pauses as long as the groups took: others write meanwhile.
package final class Sweeper: Sendable {
    /// After a group that failed, for want of room perhaps.
    private static let rest: Duration = .seconds(10)

    private enum State { case idle, sweeping, again }
    private let state = Mutex(State.idle)
    private let writer: GroupWriter
    private let leftovers: Leftovers

    package init(_ writer: GroupWriter, _ leftovers: Leftovers) { (self.writer, self.leftovers) = (writer, leftovers) }

    /// There may be something. Never blocks.
    package func begin() {
        let isFirst = state.withLock { state in
            defer { state = state == .idle ? .sweeping : .again }
            return state == .idle
        }
        if isFirst { sweep() }
    }

    private func sweep() {
        let start = ContinuousClock.now
        writer.commit([.removeLeftovers]) { [weak self] result in
            let took = ContinuousClock.now - start
            switch result {
            case .success: self?.ended(hasMore: self?.leftovers.areThere ?? false, took)
            case .failure(let error) where error.code == .closed: break
            case .failure: self?.ended(hasMore: true, Self.rest)
            }
        }
    }

    private func ended(hasMore: Bool, _ pause: Duration) {
        let goesOn = state.withLock { state in
            let goesOn = hasMore || state == .again
            state = goesOn ? .sweeping : .idle
            return goesOn
        }
        guard goesOn else { return }
        Task { [weak self] in
            try? await Task.sleep(for: pause)
            self?.sweep()
        }
    }
}

/// Whether the last group left something: the writer's thread tells, before it reports the group's end.
package final class Leftovers: Sendable {
    private let isLeft = Atomic(false)
    package init() {}

    package var areThere: Bool { isLeft.load(ordering: .acquiring) }
    package func note(_ isLeft: Bool) { self.isLeft.store(isLeft, ordering: .releasing) }
}
