internal import MusterElection
internal import Synchronization

/// Fetches from the upstream what others are to have, a few at a time.
final class Warmer: Sendable {
    /// Fetches at one time.
    private static let warmsMax = 8

    private struct State: Sendable {
        var waiting = CopyQueue()
        var warming = 0
    }
    private let state = Mutex(State())
    private let cache: any PeerCache

    init(_ cache: any PeerCache) { self.cache = cache }

    /// What is not here, or not any more; it is spread when it is stored.
    func warm(_ copies: [Copy]) {
        state.withLock { state in
            for copy in copies { state.waiting.add(copy) }
            next(&state)
        }
    }

    /// Nothing that waits begins any more.
    func stop() { state.withLock { $0.waiting = CopyQueue() } }

    private func next(_ state: inout State) {
        while state.warming < Self.warmsMax, let copy = state.waiting.next() {
            let isBegun = cache.warm(copy.target) { [self] in
                self.state.withLock { state in
                    state.warming -= 1
                    next(&state)
                }
            }
            if isBegun { state.warming += 1 }
        }
    }
}
