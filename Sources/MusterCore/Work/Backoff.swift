/// Exponential backoff with full jitter: the n-th wait is random between 0 and `base × 2ⁿ`, at most `cap`, so that a
/// fleet whose coordinator returns does not arrive in step.
package struct Backoff: Hashable, Sendable {
    package let base: Duration
    package let cap: Duration
    private var failures = 0

    package init(base: Duration = .milliseconds(100), cap: Duration = .seconds(30)) {
        self.base = base
        self.cap = cap
    }

    package mutating func next(using random: inout some RandomNumberGenerator) -> Duration {
        let ceiling = min(cap.inNanoseconds, base.inNanoseconds << min(failures, 20))
        failures += 1
        // Never nothing at all: a tight loop against a port that refuses would burn a core.
        return .nanoseconds(Int64.random(in: ceiling / 10...ceiling, using: &random))
    }

    package mutating func reset() { failures = 0 }
}
