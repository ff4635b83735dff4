import Testing

@testable import CommandTemplates

@Suite("columns of values")
struct ColumnSeparatorTests {
    static let rows: [(separator: String, value: String, columns: [String])] = [
        (",", "a,b,c", ["a", "b", "c"]), (",", "d", ["d"]), (",", ",e", ["", "e"]), (",", "a,", ["a", ""]),
        (",", "", [""]),
        ("\\t", "a b\tc", ["a b", "c"]), ("\t", "a\tb", ["a", "b"]), ("::", "a:::b", ["a", ":b"]),
        ("ab", "aabab", ["a", "", ""]),
        ("\\s+", "a  \t b c", ["a", "b", "c"]), ("\\s+", " a", ["", "a"]), ("\\|", "a|b", ["a", "b"]),
        ("|", "a|b", ["a", "b"]),
        (".", "a.b", ["a", "b"]), ("\\.", "a.b", ["a", "b"]), ("\\\\", "a\\b", ["a", "b"]), ("\\", "a\\b", ["a", "b"]),
        ("\\x1f", "a\u{1F}b", ["a", "b"]), ("\\n", "a\nb", ["a", "b"]), (" ", "a  b", ["a", "", "b"]),
        ("*", "a*b", ["a", "b"]),
        ("→", "a→b", ["a", "b"]), (", ", "a, b,c", ["a", "b,c"]),
    ]

    @Test("a value is cut where the separator stands", arguments: rows)
    func cut(separator: String, value: String, columns: [String]) throws {
        #expect(try ColumnSeparator(parsing: separator).columns(of: Array(value.utf8)).map(Template.text) == columns)
    }

    @Test(
        "what only a regular expression could mean",
        arguments: ["", " +", "[,;]", "a|b", "\\d", "\\s", "\\s*", "\\x1", "\\xg0", "a\\", ".*", "^a"])
    func refused(separator: String) {
        #expect(throws: ValueError.self) { try ColumnSeparator(parsing: separator) }
    }

    @Test("bytes that are no UTF-8")
    func bytes() throws {
        #expect(try ColumnSeparator(parsing: "\\xff").columns(of: [0x61, 0xFF, 0xFE]) == [[0x61], [0xFE]])
        #expect(try ColumnSeparator(parsing: "\\0").columns(of: [0x61, 0, 0xFE]) == [[0x61], [0xFE]])
    }
}

@Suite("values from a stream")
struct ValueSplitterTests {
    private static func split(
        _ text: [UInt8], by pieceBytes: Int, _ separator: ValueSplitter.Separator = .newline
    ) throws -> [String] {
        var splitter = ValueSplitter(separator)
        var found: [ArraySlice<UInt8>] = []
        var rest = text[...]
        while !rest.isEmpty {
            found += try splitter.feed(rest.prefix(pieceBytes))
            rest = rest.dropFirst(pieceBytes)
        }
        if let last = splitter.finish() { found.append(last) }
        return found.map { Template.text(Array($0)) }
    }

    /// GNU parallel 20221122 has the same.
    static let lines: [(String, [String])] = [
        ("", []), ("\n", [""]), ("a", ["a"]), ("a\n", ["a"]),
        ("a\n\nb\r\n  c \nlast", ["a", "", "b\r", "  c ", "last"]), ("\n\n", ["", ""]),
        ("a\0b\n", ["a\0b"]),
    ]

    @Test("lines, however the stream is cut", arguments: lines)
    func line(text: String, values: [String]) throws {
        for pieceBytes in [1, 2, 3, 100] { #expect(try Self.split(Array(text.utf8), by: pieceBytes) == values) }
    }

    @Test("values with NUL between them hold newlines")
    func nul() throws {
        let text = Array("a\0b\nc\0\0d".utf8)
        for pieceBytes in [1, 3, 100] { #expect(try Self.split(text, by: pieceBytes, .nul) == ["a", "b\nc", "", "d"]) }
    }

    @Test("a MiB is the longest value, and the one that is longer is named")
    func bounds() throws {
        var splitter = ValueSplitter(.newline)
        let longest = [UInt8](repeating: 0x61, count: 1 << 20)
        #expect(try splitter.feed(longest[...]) == [])
        #expect(try splitter.feed([0x0A][...]) == [longest[...]])
        #expect(try splitter.feed(Array("x\ny".utf8)[...]).count == 1)
        #expect(throws: ValueError.valueTooLong(number: 3, bytesMax: 1 << 20)) { try splitter.feed(longest[...]) }
        #expect(splitter.count == 2)
    }
}

@Suite("blocks from a stream")
struct BlockSplitterTests {
    private static func split(
        _ text: [UInt8], by pieceBytes: Int, size: Int, _ separator: ValueSplitter.Separator = .newline
    ) throws -> [String] {
        var splitter = BlockSplitter(separator, size: size, bytesMax: 20)
        var found: [[UInt8]] = []
        var rest = text[...]
        while !rest.isEmpty {
            found += try splitter.feed(rest.prefix(pieceBytes))
            rest = rest.dropFirst(pieceBytes)
        }
        return (found + splitter.finish()).map(Template.text)
    }

    static let texts: [(String, Int, [String])] = [
        ("", 4, []), ("\n", 4, ["\n"]), ("a", 4, ["a"]), ("ab\ncd\nef\n", 6, ["ab\ncd\n", "ef\n"]),
        ("ab\ncd\nef", 7, ["ab\ncd\n", "ef"]), ("ab\ncd\n", 1, ["ab\n", "cd\n"]),
        // One that is longer stays whole, with nothing beside it.
        ("a\nlonger line\nb\n", 4, ["a\n", "longer line\n", "b\n"]), ("longer line", 4, ["longer line"]),
        ("\n\n\n\n\n", 2, ["\n\n", "\n\n", "\n"]),
    ]

    @Test("whole lines, as many as fit, however the stream is cut", arguments: texts)
    func lines(text: String, size: Int, blocks: [String]) throws {
        for pieceBytes in [1, 2, 3, 100] {
            #expect(try Self.split(Array(text.utf8), by: pieceBytes, size: size) == blocks)
        }
    }

    @Test("texts that end with NUL hold newlines")
    func nul() throws {
        let text = Array("a\nb\0c\0d".utf8)
        for pieceBytes in [1, 3, 100] {
            #expect(try Self.split(text, by: pieceBytes, size: 4, .nul) == ["a\nb\0", "c\0d"])
        }
    }

    @Test("a line that no block may hold is refused")
    func bounds() throws {
        let line = Array(repeating: UInt8(ascii: "x"), count: 19) + [0x0A]
        #expect(try Self.split(line, by: 100, size: 4).count == 1)
        for pieceBytes in [1, 100] {
            #expect(throws: ValueError.lineTooLong(block: 2, bytesMax: 20)) {
                try Self.split([0x0A] + [0x61] + line, by: pieceBytes, size: 1)
            }
        }
    }
}
