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

    /// The wait before another try after the n-th failure (1…), where the first means something: `base`, then twice as
    /// long each time, at most `cap`, of which a random part up to a half is taken off. No wait at all where `base` is none.
    package static func retry(
        after failures: Int, base: Duration, cap: Duration, using random: inout some RandomNumberGenerator
    ) -> Duration {
        let ceiling = min(max(cap, base).inNanoseconds, doubled(base.inNanoseconds, max(0, failures - 1)))
        guard ceiling > 0 else { return .zero }
        return .nanoseconds(Int64.random(in: ceiling / 2...ceiling, using: &random))
    }

    private static func doubled(_ base: Int64, _ times: Int) -> Int64 {
        let (product, isTooLarge) = base.multipliedReportingOverflow(by: 1 << min(times, 40))
        return isTooLarge ? .max : product
    }
}
