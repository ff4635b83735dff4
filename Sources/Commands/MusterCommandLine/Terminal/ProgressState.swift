package import MusterCore

/// How far some work is; turned into text by `ProgressLine`.
package struct ProgressState: Sendable {
    package let label: String
    package let started: Moment
    /// Done before this work began: shown, but no part of the rate.
    let doneBefore: Int
    /// Nil: not known how much there is.
    package var total: Int?
    package var done = 0
    package var failed = 0
    /// Why nothing moves; nil: nothing is known to be in the way.
    package var waiting: String?
    package private(set) var meter: RateMeter

    package init(label: String, total: Int?, done: Int = 0, started: Moment) {
        self.label = Terminal.clean(label)
        self.started = started
        self.total = total
        self.done = done
        doneBefore = done
        meter = RateMeter(done: done, at: started)
    }

    package mutating func tick(_ now: Moment) { meter.sample(done, at: now) }

    func elapsedSeconds(_ now: Moment) -> Double { max(0, (now - started).inSeconds) }

    /// Nil while the total or the rate is unknown, or nothing moves.
    var secondsLeft: Double? {
        guard let total, let rate = meter.perSecond, rate > 0 else { return nil }
        return Double(max(0, total - done)) / rate
    }
}
