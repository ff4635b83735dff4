internal import MusterStore
internal import Synchronization

/// For how long the readers have met no server. All of them share it: a read that comes when the server has been away for longer
/// than a read waits does not wait again, so that those that are queued behind it are answered, too.
final class Outage: Sendable {
    /// One reader tries again so often; the others hear what it heard.
    static let apart: Duration = .seconds(1)

    private struct State {
        let since: ContinuousClock.Instant
        var triedAt: ContinuousClock.Instant
        var error: StoreError
    }

    private let state = Mutex<State?>(nil)
    /// What is to be done when one begins.
    private let whenItBegins = Mutex<@Sendable () -> Void>({})
    private let generation = Atomic(0)

    /// Grows when the writer has a new connection: it may be with another server, and who read from the old one would read what is
    /// not written to any more.
    var server: Int { generation.load(ordering: .acquiring) }

    /// The server is there, so reads are tried at once, too.
    func mayBeAnotherServer() {
        generation.add(1, ordering: .acquiringAndReleasing)
        over()
    }

    /// What the server, or the line to it, said last; nil while all is well.
    var reason: String? { now?.message }
    var now: StoreError? { state.withLock { $0?.error } }

    func failed(_ error: StoreError) {
        let begins = state.withLock { state in
            let now = ContinuousClock.now
            defer { state = State(since: state?.since ?? now, triedAt: now, error: error) }
            return state == nil
        }
        if begins { whenItBegins.withLock { $0 }() }
    }

    func whenItBegins(_ body: @escaping @Sendable () -> Void) { whenItBegins.withLock { $0 = body } }

    func over() { state.withLock { $0 = nil } }

    /// Why a read is not to be tried now; nil: it is.
    func refusal(after wait: Duration) -> StoreError? {
        state.withLock { state in
            guard let known = state, known.since + wait < .now else { return nil }
            guard known.triedAt + Self.apart > .now else {
                // This one tries, and the next ones need not.
                state?.triedAt = .now
                return nil
            }
            return known.error
        }
    }

    /// Until when a read that begins now is tried.
    func end(after wait: Duration) -> ContinuousClock.Instant { (state.withLock { $0?.since } ?? .now) + wait }
}
