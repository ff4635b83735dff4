import MusterCore
import Testing

@testable import MusterLaunchRules

@Suite("numbers, one a line")
struct NumberLinesTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var text: String
        var numbers: [UInt32] = []
        var rejected = 0
        var testDescription: String { String(reflecting: text) }

        init(_ text: String, _ numbers: [UInt32] = [], rejected: Int = 0) {
            (self.text, self.numbers, self.rejected) = (text, numbers, rejected)
        }
    }

    /// Of the range 1...1000.
    static let cases = [
        Case("1\n", [1]), Case("1000\n", [1000]), Case("7", [7]), Case("1\n2\n3", [1, 2, 3]), Case("1\n2\n", [1, 2]),
        Case("007\n", [7]), Case(String(repeating: "0", count: 100) + "9\n", [9]), Case("5\n5\n", [5, 5]),
        Case(" 7 \n", [7]), Case("\t7\t\n", [7]), Case("7\r\n8\r\n", [7, 8]), Case("7\r", [7]),
        Case("  \t 7 \r\n", [7]),
        Case(""), Case("\n"), Case("\n\n\n"), Case(" \t\r\n"), Case("   "), Case("\n4\n\n5\n", [4, 5]),
        Case("0\n", rejected: 1), Case("000\n", rejected: 1), Case("1001\n", rejected: 1),
        Case("-1\n", rejected: 1), Case("+1\n", rejected: 1), Case("--1\n", rejected: 1), Case("-\n", rejected: 1),
        Case("1.5\n", rejected: 1), Case("1.\n", rejected: 1), Case("1e3\n", rejected: 1), Case("0x1F\n", rejected: 1),
        Case("abc\n", rejected: 1), Case("7a\n", rejected: 1), Case("a7", rejected: 1), Case("1,2\n", rejected: 1),
        Case("12 3\n", rejected: 1), Case("1\t2\n", rejected: 1), Case("1\r2\n", rejected: 1),
        Case("a 1\n", rejected: 1),
        Case("1 a\n", rejected: 1), Case("\"1\"\n", rejected: 1), Case("[1]\n", rejected: 1),
        Case("1\0\n", rejected: 1),
        Case("99999999999999999999999\n", rejected: 1), Case("9223372036854775808\n1\n", [1], rejected: 1),
        Case(String(repeating: "9", count: 10_000) + "\n2\n", [2], rejected: 1),
        Case("18446744073709551617\n", rejected: 1), Case("٣\n", rejected: 1), Case("1\u{A0}\n", rejected: 1),
        Case("x\n1\ny\n2\n0\n3", [1, 2, 3], rejected: 3),
    ]

    @Test("a line is one number of the range, or is rejected; an empty one is no line", arguments: cases)
    func lines(_ line: Case) {
        var lines = NumberLines(range: 1000, countMax: 100)
        lines.feed(line.text.utf8)
        lines.finish()
        #expect(lines.numbers == line.numbers)
        #expect(lines.rejected == line.rejected)
    }

    @Test("bytes that are no text are no numbers")
    func bytes() {
        for byte in UInt8.min...UInt8.max where !"0123456789\n\r\t ".utf8.contains(byte) {
            var lines = NumberLines(range: 1000, countMax: 100)
            lines.feed([byte, 10, 49, byte, 10, byte, 49, 10, 50, 10])
            #expect(lines.numbers == [2], "byte \(byte)")
            #expect(lines.rejected == 3, "byte \(byte)")
        }
    }

    @Test(
        "the range's bounds belong to it, and nothing beyond them",
        arguments: [1, 2, 9, 10, 1000, 10_000_000, Limits.numberRangeDefault, Limits.numberRangeMax])
    func bounds(range: Int) {
        var lines = NumberLines(range: range, countMax: 100)
        #expect(lines.range == 1...range)
        lines.feed("0\n1\n\(range)\n\(range + 1)\n\(range * 10)\n".utf8)
        #expect(lines.numbers == [1, UInt32(range)])
        #expect(lines.rejected == 3)
    }

    @Test("it does not matter in what pieces the bytes come")
    func pieces() {
        let text = Array("12\r\n\n 345 \nabc\n6 7\n-8\n99999999999999999999\n1000\n0\n1001\n42".utf8)
        for first in 0...text.count {
            for second in first...text.count {
                var lines = NumberLines(range: 1000, countMax: 100)
                for piece in [text[..<first], text[first..<second], text[second...]] { lines.feed(piece) }
                lines.finish()
                #expect(lines.numbers == [12, 345, 1000, 42] && lines.rejected == 6, "cut at \(first) and \(second)")
            }
        }
    }

    @Test("a line counts once it has ended")
    func unended() {
        var lines = NumberLines(range: 1000, countMax: 100)
        lines.feed("12".utf8)
        #expect(lines.numbers.isEmpty)
        lines.feed("3".utf8)
        lines.finish()
        #expect(lines.numbers == [123])
        lines.finish()
        #expect(lines.numbers == [123] && lines.rejected == 0)
    }

    @Test("what comes behind the most that are kept is rejected", arguments: [1, 2, 5])
    func full(countMax: Int) {
        var lines = NumberLines(range: 1000, countMax: countMax)
        for number in 1...countMax {
            #expect(!lines.isFull)
            lines.feed("\(number)\nno\n".utf8)
        }
        #expect(lines.isFull)
        #expect(lines.rejected == countMax)
        lines.feed("1\n\n2\nno\n3".utf8)
        lines.finish()
        #expect(lines.numbers == (1...UInt32(countMax)).map { $0 })
        #expect(lines.rejected == countMax + 4)
        #expect(lines.isFull)
    }
}
