package import MusterCore

/// A smoothed rate: recent work counts most, single bursts little.
package struct RateMeter: Sendable {
    /// Things a second; nil before the first sample span is over.
    package private(set) var perSecond: Double?
    private var last: (done: Int, at: Moment)

    /// Seconds that a change takes to show by about two thirds.
    private static let memorySeconds = 3.0
    /// Work arrives in batches: a shorter span would measure the batches.
    private static let spanSecondsMin = 0.25

    package init(done: Int = 0, at start: Moment) { last = (done, start) }

    package mutating func sample(_ done: Int, at now: Moment) {
        let span = (now - last.at).inSeconds
        guard span >= Self.spanSecondsMin else { return }
        let current = Double(max(0, done - last.done)) / span
        if let before = perSecond {
            perSecond = before + (current - before) * span / (Self.memorySeconds + span)
        } else {
            perSecond = current
        }
        last = (done, now)
    }
}
