import Testing

@testable import RunRules

@Suite("halting")
struct HaltTests {
    /// As it is said, and as it is meant; nil: no rule.
    static let rules: [(String, String?)] = [
        ("never", "never"), ("0", "never"), ("1", "soon,fail=1"), ("2", "now,fail=1"), ("-1", "soon,success=1"),
        ("-2", "now,success=1"),
        ("now,fail=1", "now,fail=1"), ("soon,fail=3", "soon,fail=3"), ("now,success=1", "now,success=1"),
        ("soon,done=10", "soon,done=10"),
        ("fail=3", "soon,fail=3"), ("fail=10%", "soon,fail=10%"), ("now,done=100%", "now,done=100%"),
        ("10%", "soon,fail=10%"),
        ("", nil), ("now", nil), ("soon", nil), ("3", nil), ("now,fail", nil), ("now,fail=", nil), ("now,fail=0", nil),
        ("fail=0%", nil),
        ("fail=101%", nil), ("never,fail=1", nil), ("later,fail=1", nil), ("now,fail=-1", nil), ("now,fail=1.5", nil),
        ("now,fail=1,2", nil),
        ("now,failed=1", nil), ("NOW,fail=1", nil), ("%", nil), ("fail=%", nil), ("now, fail=1", nil),
        ("fail=99999999999999999999", nil),
    ]

    @Test("rules as GNU parallel writes them", arguments: rules)
    func parsed(text: String, meaning: String?) {
        #expect(HaltRule(parsing: text)?.description == meaning)
        if let meaning { #expect(HaltRule(parsing: meaning)?.description == meaning) }
    }

    /// A rule, how many tasks there are, what became of them (`.` well, `x` badly), and at which it holds first.
    static let runs: [(rule: String, total: Int, tasks: String, at: Int?)] = [
        ("now,fail=1", 5, "..x..", 3), ("soon,fail=3", 9, "x.x..x.x.", 6), ("soon,fail=3", 9, "xx.....", nil),
        ("now,success=1", 5, "xx.", 3), ("now,done=4", 9, "x.x.x", 4), ("soon,fail=10%", 10, "...x", 4),
        ("soon,fail=10%", 100, "xxxxxxxxxx", 10),
        ("soon,fail=10%", 11, "x.x", 3), ("soon,fail=100%", 3, "xxx", 3), ("soon,fail=100%", 3, "xx.", nil),
        ("now,done=1%", 1_000, "..........", 10), ("now,success=33%", 3, "xx.", 3), ("now,fail=1%", 0, "x", 1),
    ]

    @Test("it holds from exactly the task on that is one too many", arguments: runs)
    func exact(rule: String, total: Int, tasks: String, at: Int?) throws {
        let condition = try #require(HaltRule(parsing: rule)?.condition)
        var (succeeded, failed) = (0, 0)
        for (place, task) in tasks.enumerated() {
            if task == "." { succeeded += 1 } else { failed += 1 }
            let counted = condition.counted(succeeded: succeeded, failed: failed)
            #expect(
                (counted >= condition.threshold(of: total)) == (at.map { place + 1 >= $0 } == true), "task \(place)")
        }
    }

    @Test(
        "people are told why",
        arguments: [
            ("now,fail=1", "halted, as 2 of its tasks had failed"),
            ("soon,success=1", "halted, as 2 of its tasks had succeeded"),
            ("done=2", "halted, as 2 of its tasks had ended"),
        ])
    func reasons(rule: String, reason: String) throws {
        let condition = try #require(HaltRule(parsing: rule)?.condition)
        #expect(condition.reason(counted: 2) == reason && reason.hasPrefix(HaltRule.reasonBegins))
    }
}
