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

    /// A rule, how many tasks there are, what became of them (`.` well, `x` badly), and at which it halts.
    static let runs: [(rule: String, total: Int?, tasks: String, at: Int?)] = [
        ("never", 5, "xxxxx", nil), ("now,fail=1", 5, "..x..", 3), ("soon,fail=3", 9, "x.x..x.x.", 6),
        ("soon,fail=3", nil, "xx.....", nil),
        ("now,success=1", 5, "xx.", 3), ("now,done=4", nil, "x.x.x", 4), ("soon,fail=10%", 10, "...x", 4),
        ("soon,fail=10%", 100, "xxxxxxxxxx", 10),
        ("soon,fail=10%", 11, "x.x", 3), ("soon,fail=100%", 3, "xxx", 3), ("soon,fail=100%", 3, "xx.", nil),
        ("soon,fail=50%", nil, "xxxxx", nil),
        ("now,done=1%", 1_000, "..........", 10), ("now,success=33%", 3, "xx.", 3),
    ]

    @Test("it halts at exactly the task that is one too many", arguments: runs)
    func exact(rule: String, total: Int?, tasks: String, at: Int?) throws {
        var counter = HaltCounter(try #require(HaltRule(parsing: rule)), total: total)
        let halts: HaltCounter.Decision = rule.hasPrefix("now") ? .haltNow : .haltSoon
        for (place, task) in tasks.enumerated() {
            let decision = counter.finished(succeeded: task == ".")
            #expect(decision == (at.map { place + 1 >= $0 } == true ? halts : .goOn), "task \(place + 1)")
        }
        #expect(counter.succeeded + counter.failed == tasks.count)
    }

    @Test("a percentage waits until all values are known, and what has halted stays so")
    func unknown() throws {
        var counter = HaltCounter(try #require(HaltRule(parsing: "now,fail=10%")))
        for _ in 0..<5 { #expect(counter.finished(succeeded: false) == .goOn) }
        #expect(counter.know(total: 50) == .haltNow)
        #expect(counter.know(total: 1_000) == .haltNow)
        #expect(counter.finished(succeeded: true) == .haltNow)
        var empty = HaltCounter(try #require(HaltRule(parsing: "now,fail=10%")))
        #expect(empty.know(total: 0) == .goOn)
    }
}
