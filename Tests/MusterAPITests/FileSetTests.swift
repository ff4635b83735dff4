import MusterWire
import Testing

@testable import MusterAPI

/// Names of files, and sets of them.
@Suite struct FileSetTests {
    private static let name = String(repeating: "0123456789abcdef", count: 4)
    private static let digest = FileDigest(hex: name)!

    @Test func aDigestIsReadBack() throws {
        #expect("\(Self.digest)" == Self.name && Self.digest.hex == Array(Self.name.utf8))
        #expect(Self.digest.bytes.prefix(9) == [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0x01])
        #expect(FileDigest(bytes: Self.digest.bytes) == Self.digest)
        #expect(try FileDigest(text: Self.name) == Self.digest)
        for other in [
            Self.name.uppercased(), String(Self.name.dropLast()), Self.name + "0", "", "g" + Self.name.dropFirst(),
        ] {
            #expect(FileDigest(hex: other) == nil)
            #expect(throws: Problem.self) { _ = try FileDigest(text: other) }
        }
    }

    private static func read(_ text: String, isAnswer: Bool = false) throws -> [FileSet.Item] {
        var reader = FileSetReader(isAnswer: isAnswer)
        let items = try reader.read(Array(text.utf8))
        try reader.finish()
        return items
    }

    @Test func setsAreRead() throws {
        #expect(try Self.read("") == [])
        let text = "\(Self.name) 3\nabc\(Self.name) 0\n\(Self.name) 1\n\n"
        let files: [FileSet.Item] = ["abc", "", "\n"].map { .file(Self.digest, Array($0.utf8)) }
        #expect(try Self.read(text) == files)
        let answer = text + "\(Self.name) -\n\(Self.name) >\n"
        #expect(try Self.read(answer, isAnswer: true) == files + [.missing(Self.digest), .tooLarge(Self.digest)])
        // Cut anywhere it is the same.
        for place in 1..<text.utf8.count {
            var reader = FileSetReader()
            let first = try reader.read(Array(text.utf8.prefix(place)))
            let all = first + (try reader.read(Array(text.utf8.dropFirst(place))))
            try reader.finish()
            #expect(all == files)
        }
    }

    @Test(arguments: [
        "\(name)", "\(name) 3\nab", "\(name) 3", "\(name)  3\nabc", "\(name) 03\nabc", "\(name) +3\nabc", "\(name) -\n",
        "\(name) >\n", "\(name) 3\r\nabc", "\(name) \n", "\(name)\n", "\n", " \(name) 3\nabc", "\(name) 3\nabcd",
        "\(name) 1048577\n", "\(name) 99999999999999999999\n", "A\(name.dropFirst()) 0\n",
    ])
    func otherTextsAreNone(_ text: String) {
        #expect(throws: Problem.self) { _ = try Self.read(text) }
    }

    @Test func setsAreBounded() {
        let line = "\(Self.name) 0\n"
        #expect(throws: Never.self) { _ = try Self.read(String(repeating: line, count: 10_000)) }
        #expect(throws: Problem.self) { _ = try Self.read(String(repeating: line, count: 10_001)) }
        let large = Self.name + " 1048576\n" + String(repeating: "x", count: 1 << 20)
        #expect(throws: Never.self) { _ = try Self.read(String(repeating: large, count: 64)) }
        #expect(throws: Problem.self) { _ = try Self.read(String(repeating: large, count: 64) + "\(Self.name) 1\nx") }
    }
}
