import Glibc
import Testing

@testable import MusterCommandLine

@Suite @MainActor struct InputLinesTests {
    typealias Limits = InputLines.Limits

    /// The lines of the text when it comes in chunks of that size.
    static func lines(_ text: String, chunk: Int, limits: Limits = Limits()) throws -> [String] {
        var splitter = LineSplitter(name: "in.ndjson", limits: limits)
        var found: [String] = []
        let collect = { (line: ArraySlice<UInt8>, number: Int) in
            found.append(String(decoding: line, as: UTF8.self))
            #expect(number == found.count)
            if line.first == UInt8(ascii: "!") { throw InputLines.LineError("it is not JSON") }
        }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            try splitter.feed(rest.prefix(chunk), collect)
            rest = rest.dropFirst(chunk)
        }
        #expect(try splitter.finish(collect) == found.count)
        return found
    }

    @Test(arguments: 1...8) func anyChunksGiveTheSameLines(_ chunk: Int) throws {
        #expect(try Self.lines("[1,2]\n{\"a\":3}\r\n4", chunk: chunk) == ["[1,2]", "{\"a\":3}", "4"])
        #expect(try Self.lines("1\n2\n", chunk: chunk) == ["1", "2"])
        let exact = Limits(lineBytesMax: 4, linesMax: 2)
        #expect(try Self.lines("1234\r\n5678\r\n", chunk: chunk, limits: exact) == ["1234", "5678"])
    }

    @Test func blankLinesArePassedOverWhereTheyAreNoInputs() throws {
        var splitter = LineSplitter(
            name: "output", limits: Limits(lineBytesMax: 4, linesMax: .max, passesOverBlank: true))
        var found: [String] = []
        for piece in "\n1\n\r\n\n23\n".utf8.map({ [$0] }) {
            try splitter.feed(piece[...]) { line, _ in found.append(String(decoding: line, as: UTF8.self)) }
        }
        #expect(found == ["1", "23"])
    }

    @Test(
        arguments: [
            ("", "in.ndjson is empty: each line of it is one input, and one is needed at least"),
            ("1\n\n2\n", "in.ndjson, line 2: the line is empty"),
            ("1\n\r\n", "in.ndjson, line 2: the line is empty"),
            ("\n", "in.ndjson, line 1: the line is empty"),
            ("1\n12345\n", "in.ndjson, line 2: the line is longer than 4 bytes"),
            ("12345", "in.ndjson, line 1: the line is longer than 4 bytes"),
            ("123456789", "in.ndjson, line 1: the line is longer than 4 bytes"),
            ("1\n2\n3\n4", "in.ndjson has more than 3 lines: split it into several jobs"),
            ("1\n!\n3", "in.ndjson, line 2: it is not JSON"),
        ], [1, 3, 1000]) func refuses(_ test: (text: String, message: String), _ chunk: Int)
    {
        #expect(throws: CommandError(.data, test.message)) {
            try Self.lines(test.text, chunk: chunk, limits: Limits(lineBytesMax: 4, linesMax: 3))
        }
    }

    @Test func readsAFile() throws {
        let path = "/tmp/muster-input-\(getpid())-\(UInt32.random(in: 0 ... .max)).ndjson"
        defer { unlink(path) }
        let long = String(repeating: "7", count: 1 << 20)
        let file = try #require(fopen(path, "w"))
        fputs("[1]\n\(long)\n[2]", file)
        fclose(file)
        var sizes: [Int] = []
        #expect(try InputLines.forEach(in: path) { line, _ in sizes.append(line.count) } == 3)
        #expect(sizes == [3, 1 << 20, 3])
    }

    @Test(arguments: [
        ("/nonexistent/in.ndjson", "cannot read /nonexistent/in.ndjson: No such file or directory"),
        ("/", "cannot read /: Is a directory"),
    ]) func namesAFileThatCannotBeRead(_ path: String, _ message: String) {
        #expect(throws: CommandError(.noInput, message)) { try InputLines.forEach(in: path) { _, _ in } }
    }
}
