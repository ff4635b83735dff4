/// A point on a monotonic clock. The core never reads a clock: drivers pass the moment in with every input.
package struct Moment: Hashable, Comparable, Sendable {
    /// Since an arbitrary start that is the same for every moment of one process.
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    package static let zero = Moment(nanoseconds: 0)

    package static func < (a: Moment, b: Moment) -> Bool { a.nanoseconds < b.nanoseconds }
    package static func + (a: Moment, b: Duration) -> Moment { Moment(nanoseconds: a.nanoseconds + b.inNanoseconds) }
    package static func - (a: Moment, b: Moment) -> Duration { .nanoseconds(a.nanoseconds - b.nanoseconds) }
}

extension Duration {
    /// Whole nanoseconds; a duration of more than 292 years is cut to that.
    package var inNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? (seconds < 0 ? .min / 2 : .max / 2) : whole + attoseconds / 1_000_000_000
    }

    package var inSeconds: Double { Double(inNanoseconds) / 1e9 }

    /// What is beyond 100 years is cut to that, and what is no number is zero: some of these come from strangers.
    package init(seconds: Double) {
        let most = 3e9
        self = .nanoseconds(seconds.isNaN ? 0 : Int64(max(-most, min(most, seconds)) * 1e9))
    }
}
