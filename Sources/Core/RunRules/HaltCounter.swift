/// Counts what becomes of the tasks, and says when the rule of `--halt` holds.
///
/// Its driver says `finished` once for each task, with what came of its last attempt, in the order in which it takes notice of them; and
/// from the task on with which it is told to halt, it starts nothing more. "After N failures" is then exactly the Nth.
package struct HaltCounter: Hashable, Sendable {
    package enum Decision: Hashable, Sendable {
        case goOn
        /// Start nothing more; let end what runs.
        case haltSoon
        /// End what runs, too.
        case haltNow
    }

    package let rule: HaltRule
    /// How many tasks there are; nil while it is not known, and a percentage of it is reached by nothing.
    package private(set) var total: Int?
    package private(set) var succeeded = 0
    package private(set) var failed = 0
    /// Once it is to halt, it stays so.
    package private(set) var decision = Decision.goOn

    package init(_ rule: HaltRule, total: Int? = nil) {
        (self.rule, self.total) = (rule, total)
    }

    package mutating func finished(succeeded isSuccess: Bool) -> Decision {
        if isSuccess { succeeded += 1 } else { failed += 1 }
        return decide()
    }

    /// All values have been read.
    package mutating func know(total: Int) -> Decision {
        self.total = total
        return decide()
    }

    private mutating func decide() -> Decision {
        guard decision == .goOn, let condition = rule.condition else { return decision }
        let threshold =
            if case .tasks(let wanted) = condition.amount { wanted } else { total.map(condition.threshold(of:)) }
        guard let threshold else { return decision }
        if condition.counted(succeeded: succeeded, failed: failed) >= threshold {
            decision = condition.when == .now ? .haltNow : .haltSoon
        }
        return decision
    }
}
