/// How often one kind of trouble is logged: at once, then at most once a while, with how often it happened since.
package struct LinePace: Sendable {
    private let pause: Duration
    private var next: Moment?
    private var untold = 0

    package init(_ pause: Duration) { self.pause = pause }

    /// It happened. How often since the last line, this time included, if it is told now; nil: it is counted only.
    package mutating func happened(_ now: Moment) -> Int? {
        untold += 1
        if let next, now < next { return nil }
        next = now + pause
        defer { untold = 0 }
        return untold
    }
}
