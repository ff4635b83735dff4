internal import MusterCore
internal import MusterSystem
internal import Synchronization

/// Whether what is stored here is known not to have been purged elsewhere while this edge was away: only then it is served without
/// being validated, and given to others.
package final class Touch: Sendable {
    private let isInTouch: Atomic<Bool>
    /// Nanoseconds of `SystemTime`: a tick after this one comes too late to vouch for what is stored.
    private let until = Atomic(Int64.max)

    package init(isInTouch: Bool) { self.isInTouch = Atomic(isInTouch) }

    /// Asked of the clock, too: a request that waited for a process to wake up is not served before its first tick.
    package var mayVouch: Bool {
        isInTouch.load(ordering: .relaxed) && SystemTime.now().nanoseconds <= until.load(ordering: .relaxed)
    }

    /// As far as it was noticed.
    var isKnown: Bool { isInTouch.load(ordering: .relaxed) }

    func lose() { isInTouch.store(false, ordering: .relaxed) }

    /// False: it was in touch before.
    func regain() -> Bool { !isInTouch.exchange(true, ordering: .relaxed) }

    /// Nil: for ever, as there is nobody else.
    func vouch(until end: Moment?) { until.store(end?.nanoseconds ?? .max, ordering: .relaxed) }
}
