internal import Synchronization

/// What an edge counts.
final class EdgeCounters: Sendable {
    let hits = Atomic(0)
    let misses = Atomic(0)
    let stale = Atomic(0)
    let collapsed = Atomic(0)
    let fetches = Atomic(0)
    let fetchesFailed = Atomic(0)
    let validated = Atomic(0)
    let purged = Atomic(0)
}
