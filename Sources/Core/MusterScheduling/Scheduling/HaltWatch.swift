internal import MusterCore
internal import RunRules

/// How near a job is to its halt. "After N failures" is exactly the Nth: no task is begun that the Nth could come before.
///
/// Far from it tasks go out in batches: while all that are out may fail without the rule being exceeded, a batch that goes on does no
/// harm. Near it each goes out alone, and only to a slot that is free by what its worker has reported; then whatever makes the rule hold
/// is known here before that slot begins another.
struct HaltWatch: Sendable {
    private let rule: HaltRule.Condition
    private let threshold: Int
    private var succeeded: Int
    private var failed: Int
    /// Open tasks of each lease; of them all; and leases with more than one.
    private var out: [LeaseKey: Int] = [:]
    private var outTotal = 0
    private var batches = 0
    /// Why it was halted, for people; nil: it is not.
    private(set) var reason: String?

    init(_ rule: HaltRule.Condition, of total: Int, succeeded: Int, failed: Int) {
        self.rule = rule
        threshold = rule.threshold(of: total)
        (self.succeeded, self.failed) = (succeeded, failed)
    }

    var endsWhatRuns: Bool { rule.when == .now }
    var isReached: Bool { counted >= threshold }
    private var counted: Int { rule.counted(succeeded: succeeded, failed: failed) }

    /// So many more may go out before all of them could exceed the rule; zero or less: any one could.
    var room: Int { threshold - counted - outTotal }
    var isNear: Bool { room <= 0 }
    /// What goes out near the rule waits for the batches from before.
    var mayBegin: Bool { !isNear || batches == 0 }

    /// Results on their way to the store; negative, of those that did not get there.
    mutating func count(succeeded: Int, failed: Int) {
        self.succeeded += succeeded
        self.failed += failed
    }

    /// So many tasks of the lease are open now.
    mutating func hold(_ key: LeaseKey, _ open: Int) {
        let before = out[key] ?? 0
        outTotal += open - before
        batches += (open > 1 ? 1 : 0) - (before > 1 ? 1 : 0)
        out[key] = open > 0 ? open : nil
    }

    mutating func goOn() { reason = nil }

    mutating func halted() { reason = rule.reason(counted: counted) }
}
