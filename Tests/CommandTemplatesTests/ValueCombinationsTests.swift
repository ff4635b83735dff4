import Testing

@testable import CommandTemplates

@Suite("combinations of values")
struct ValueCombinationsTests {
    private static func source(_ text: String) -> ValueSource {
        let isLinked = text.hasPrefix("+")
        let values = text.split(separator: " ").filter { $0 != "+" }.map { Array($0.utf8) }
        return ValueSource(.list(values), isLinked: isLinked)
    }

    private static func rows(_ sources: [String]) throws -> [String] {
        try ValueCombinations(sources.map(source)).map { $0.map(Template.text).joined(separator: " ") }
    }

    /// Sources, `+` for `:::+`, and what GNU parallel 20221122 made of them.
    static let parallel: [([String], [String])] = [
        (["a b", "c d"], ["a c", "a d", "b c", "b d"]), (["a b c", "+ d e"], ["a d", "b e"]),
        (["a b", "+ d e f", "x"], ["a d x", "b e x"]),
        (["a b", "+ c d", "e f"], ["a c e", "a c f", "b d e", "b d f"]),
        (["e f", "a b", "+ c d"], ["e a c", "e b d", "f a c", "f b d"]),
        (["a b", "c", "d e"], ["a c d", "a c e", "b c d", "b c e"]), (["a b", "+ c d", "+ e f"], ["a c e", "b d f"]),
    ]

    @Test("the last source varies fastest, linked ones walk along", arguments: parallel)
    func order(sources: [String], rows: [String]) throws {
        #expect(try Self.rows(sources) == rows)
        #expect(try ValueCombinations(sources.map(Self.source)).count == rows.count)
    }

    @Test("no source leaves one empty row, a source without values none")
    func empty() throws {
        #expect(try Array(ValueCombinations([])) == [[]])
        #expect(try Array(ValueCombinations([Self.source(""), Self.source("a b")])) == [])
        #expect(try Array(ValueCombinations([Self.source("a b"), Self.source("+")])) == [])
    }

    @Test("a billion of billions is counted, and any of them is there at once")
    func many() throws {
        let million = ValueSource(.numbers(try ArrayRanges(parsing: "1-1000000")))
        let combinations = try ValueCombinations([million, million, million])
        #expect(combinations.count == 1_000_000_000_000_000_000)
        #expect(combinations[0].map(Template.text) == ["1", "1", "1"])
        #expect(combinations[1_000_000].map(Template.text) == ["1", "2", "1"])
        #expect(combinations[combinations.count - 1].map(Template.text) == ["1000000", "1000000", "1000000"])
        #expect(combinations[123_456_789_012_345_678].map(Template.text) == ["123457", "789013", "345679"])
        #expect(throws: ValueError.tooManyCombinations([1_000_000, 1_000_000, 1_000_000, 1_000_000])) {
            try ValueCombinations([million, million, million, million])
        }
        // Nothing times anything is nothing.
        #expect(try ValueCombinations([million, million, million, million, Self.source("")]).count == 0)
    }

    @Test("what cannot be combined")
    func refused() throws {
        #expect(throws: ValueError.linkedToNothing) { try ValueCombinations([Self.source("+ a")]) }
        #expect(throws: ValueError.tooManySources(1_001)) {
            try ValueCombinations(Array(repeating: Self.source("a"), count: 1_001))
        }
        #expect(try ValueCombinations(Array(repeating: Self.source("a"), count: 1_000))[0].count == 1_000)
    }
}

@Suite("ranges of --array")
struct ArrayRangesTests {
    /// Most of them from the tests of HyperQueue 0.27; Slurm 22.05 has the same numbers.
    static let rows: [(String, [Int])] = [
        ("34", [34]), ("34-40", [34, 35, 36, 37, 38, 39, 40]), ("101-101", [101]), ("34,35,36", [34, 35, 36]),
        ("34-40,45", [34, 35, 36, 37, 38, 39, 40, 45]), ("0-10:2", [0, 2, 4, 6, 8, 10]), ("1-10:3", [1, 4, 7, 10]),
        ("1-9:3", [1, 4, 7]), ("1-2:100", [1]), ("5-5:1", [5]), ("9,1-3", [9, 1, 2, 3]), ("007-009", [7, 8, 9]),
        ("0", [0]),
        ("0-6:2,1-7:2", [0, 2, 4, 6, 1, 3, 5, 7]), ("9007199254740991", [9_007_199_254_740_991]),
    ]

    @Test("what is written is what comes", arguments: rows)
    func numbers(text: String, numbers: [Int]) throws {
        let ranges = try ArrayRanges(parsing: text)
        #expect((0..<ranges.count).map { ranges[$0] } == numbers)
        #expect(try ArrayRanges(parsing: ranges.description) == ranges)
    }

    static let bad = [
        "", "a", "1-", "-1", "1-a", "12-x", "101-100", "1-2-3", "1:2", "1-10:0", "1-10:", "1-10:-1", "1,", ",1", "1 ,2",
        "1-3,2", "0-10,5",
        "1-10%4", "1-10:2%4", "1..3", "+1", "0x10", "9007199254740992", "1-99999999999999999999", "0-10:2,10",
        "0-1000000:6,3-1000000:9",
        "1,1", "[1-3]",
    ]

    @Test("what is refused", arguments: bad)
    func refused(text: String) {
        #expect(throws: ValueError.self) { try ArrayRanges(parsing: text) }
    }

    @Test("ranges that lie in each other and have no number in common; and huge ones, at once")
    func overlaps() throws {
        let pairs: [(String, Bool)] = [
            ("0-100:4,1-101:4", false), ("0-100:4,2-102:6", true), ("0-100:10,5-100:7", true),
            ("0-100:6,1-100:9", false),
            ("1-9000000000000000:100000000,2-9000000000000000:100000001", false),
            ("1-9000000000000000:100000000,199999998-9000000000000000:100000001", true),
            ("0-9000000000000000:100000000,1-9000000000000000:100000000", false), ("5-8:3,6-7", false),
            ("5-8:3,6-8", true),
        ]
        for (text, meet) in pairs {
            if meet {
                #expect(throws: ValueError.self, "\(text)") { try ArrayRanges(parsing: text) }
            } else {
                #expect(throws: Never.self, "\(text)") { try ArrayRanges(parsing: text) }
            }
        }
        // Against counting, for all small ones.
        for first in 0..<6 {
            for step in 1..<6 {
                for otherStep in 1..<6 {
                    let (one, other) = (
                        Set(stride(from: first, through: 20, by: step)),
                        Set(stride(from: 3, through: 17, by: otherStep))
                    )
                    let parsed = try? ArrayRanges(parsing: "\(first)-20:\(step),3-17:\(otherStep)")
                    #expect((parsed == nil) == !one.isDisjoint(with: other), "\(first)-20:\(step),3-17:\(otherStep)")
                }
            }
        }
    }

    @Test("bounds")
    func bounds() throws {
        let texts = (0..<1_000).map { "\($0 * 2)" }
        #expect(try ArrayRanges(parsing: texts.joined(separator: ",")).count == 1_000)
        #expect(throws: ValueError.self) { try ArrayRanges(parsing: (texts + ["5001"]).joined(separator: ",")) }
        let huge = try ArrayRanges(parsing: "1-9007199254740991")
        #expect(huge.count == 9_007_199_254_740_991)
        #expect(huge[huge.count - 1] == 9_007_199_254_740_991)
        #expect(
            "\(ValueError.range(text: "3-1", "1 is less than 3"))" == "\"3-1\" is no range of numbers: 1 is less than 3"
        )
    }
}
