internal import Glibc

/// Threads for work that may block. An idle one is woken, which is quicker than to start another; without one a new thread
/// begins, so that no work ever waits for other work.
package final class ThreadPool: Sendable {
    private struct State {
        var handedOver: [@Sendable () -> Void] = []
        var idle = 0
        var isClosed = false
    }

    private let state = Monitor(State())
    private let idleMax: Int

    /// At most `idleMax` threads stay for later; others end with their work.
    package init(idleMax: Int) { self.idleMax = idleMax }

    deinit { close() }

    /// Returns 0, or the `errno` value that says why there is no thread (EAGAIN: a limit is reached; later may work).
    package func run(_ work: @escaping @Sendable () -> Void) -> Int32 {
        let isTaken = state.change(waking: .one) { state in
            guard state.idle > state.handedOver.count else { return false }
            state.handedOver.append(work)
            return true
        }
        return isTaken ? 0 : startThread { [state, idleMax] in Self.live(state, idleMax, first: work) }
    }

    /// What may block, on one of the pool's threads. Throws what it throws, or where there is no thread what `failure` makes of the
    /// reason.
    package func perform<Answer: Sendable>(
        orThrow failure: (String) -> any Error, _ work: @escaping @Sendable () throws -> Answer
    ) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            let code = run { continuation.resume(with: Result { try work() }) }
            if code != 0 {
                continuation.resume(throwing: failure("no thread for this: \(String(cString: strerror(code)))"))
            }
        }
    }

    /// Idle threads end; running work goes on.
    package func close() { state.change(waking: .all) { $0.isClosed = true } }

    private static func live(_ state: Monitor<State>, _ idleMax: Int, first: @escaping @Sendable () -> Void) {
        first()
        while let work = next(state, idleMax) { work() }
    }

    /// Nil when the thread is not needed any more.
    private static func next(_ state: Monitor<State>, _ idleMax: Int) -> (@Sendable () -> Void)? {
        let stays = state.change(waking: .none) { state in
            guard state.idle < idleMax, !state.isClosed else { return false }
            state.idle += 1
            return true
        }
        guard stays else { return nil }
        return state.wait { state -> (@Sendable () -> Void)?? in
            guard !state.handedOver.isEmpty else {
                if state.isClosed { state.idle -= 1 }
                return state.isClosed ? .some(nil) : nil
            }
            state.idle -= 1
            return state.handedOver.removeFirst()
        }
    }
}
