import MusterAPI
import MusterCommandLine
import MusterCore
import MusterScheduling
import MusterWire
import Testing

@testable import MusterRun

/// From words to the request.
@Suite struct RunInputTests {
    private func words(_ line: String) throws -> RunWords {
        try RunWords(line.split(separator: " ").map { Array($0.utf8) })
    }

    private func texts(_ values: [[UInt8]]) -> [String] { values.map { String(decoding: $0, as: UTF8.self) } }

    @Test func theCommandEndsWhereValuesBegin() throws {
        let plain = try words("echo -n {}")
        #expect(texts(plain.command) == ["echo", "-n", "{}"] && plain.sources.isEmpty)
        let all = try words("echo ::: a b :::+ c d :::: x y ::::+ - :::")
        #expect(texts(all.command) == ["echo"])
        let kinds = all.sources.map(\.kind)
        #expect(kinds.count == 6 && kinds[0] == .values([Array("a".utf8), Array("b".utf8)]))
        #expect(kinds[2...4] == [.file("x"), .file("y"), .file("-")] && kinds[5] == .values([]))
        #expect(all.sources.map(\.isLinked) == [false, true, false, false, true, false])
    }

    @Test(arguments: ["::: a", "", "echo ::::", "echo :::: - :::: -"])
    func wordsThatMeanNothing(_ line: String) {
        let error = #expect(throws: CommandError.self) { try words(line) }
        #expect(error?.exitCode == .usage)
    }

    @Test(
        arguments: [
            (1, "echo ::: a b", ["a", "b"]), (2, "echo ::: a b c", ["a b", "c"]), (3, "echo ::: a b c", ["a b c"]),
            (9, "echo ::: a b", ["a b"]), (2, "echo :::", []),
        ] as [(Int, String, [String])])
    @MainActor func aTaskHasSeveralValues(_ each: Int, _ line: String, _ rows: [String]) throws {
        var flags = RunFlags()
        flags.valuesEach = each
        var found: [String] = []
        try ValueReader(try words(line), flags).readRows { row in
            found.append(row.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " "))
        }
        #expect(found == rows)
        flags.range = "1-3"
        let several = try? ValueReader(try words("echo ::: a"), flags)
        #expect(several == nil, "there are two sources")
    }

    @Test func valuesAreKeptInTheRequestAlone() throws {
        var body = JobBody()
        let rows: [[[UInt8]]] = [
            [Array("a \"b\"\n\\".utf8)], [[]], [[0xFF, 0x00]], [Array("x".utf8), [0xFE]], [Array("ä😀".utf8)],
        ]
        for row in rows { try body.append(row.map { $0[...] }) }
        for (task, row) in rows.enumerated() { #expect(body.values(of: task) == row) }
        let bytes = body.finish(JobRequest(kernel: "exec", params: Array(#"{"shell":"x"}"#.utf8), count: 0))
        let request = try JobRequest(body: bytes)
        #expect(request.kernel == "exec" && request.count == 5 && request.inputs?.count == 5)
        for (task, row) in rows.enumerated() { #expect(body.values(of: task) == row) }
        let lines = request.inputs?.bytes.split(separator: 0x0A) ?? []
        #expect(
            lines[2].elementsEqual(#"{"base64":"/wA="}"#.utf8)
                && lines[3].elementsEqual(#"["x",{"base64":"/g=="}]"#.utf8))
        let turned = body.permuted([4, 0, 1, 2, 3])
        #expect(turned.values(of: 0) == rows[4] && turned.values(of: 4) == rows[3] && turned.count == 5)
    }

    @Test func aMillionValuesAreSmall() throws {
        var body = JobBody()
        for number in 0..<200_000 { try body.append([Array("file-\(number).txt".utf8)[...]]) }
        #expect(body.finish(JobRequest(kernel: "exec", count: 0)).count < 200_000 * 20)
        #expect(texts(body.values(of: 199_999)) == ["file-199999.txt"])
    }

    @Test func variablesAreGivenOrTaken() throws {
        let found = try RunRequest.environment(["A", "B=x=y", "A=", "C="], of: ["A": "here"])
        #expect(found == [KeyValue("B", "x=y"), KeyValue("A", ""), KeyValue("C", "")])
        for text in ["=x", "NONE"] {
            #expect(throws: CommandError.self) { try RunRequest.environment([text], of: [:]) }
        }
    }
}
