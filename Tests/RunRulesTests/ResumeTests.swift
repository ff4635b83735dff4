import Testing

@testable import RunRules

@Suite("resuming")
struct ResumeTests {
    /// A log of `number command result` records, and tasks; those that are left to do.
    static let runs: [(mode: ResumeSet.Mode, log: [String], tasks: [String], left: [String])] = [
        (.ended, [], ["a", "b"], ["a", "b"]), (.ended, ["1 a 0", "2 b 1"], ["a", "b", "c"], ["c"]),
        (.succeeded, ["1 a 0", "2 b 1"], ["a", "b", "c"], ["b", "c"]),
        // The input has changed: numbers say nothing.
        (.ended, ["1 a 0", "2 b 0"], ["x", "b", "a"], ["x"]),
        // The same command twice is to be done twice.
        (.ended, ["1 a 0"], ["a", "a"], ["a"]), (.ended, ["1 a 0", "2 a 0"], ["a", "a", "a"], ["a"]),
        (.succeeded, ["1 a 0", "2 a 1"], ["a", "a"], ["a"]),
        // Tried again under its number: the last try counts.
        (.succeeded, ["1 a 1", "1 a 0"], ["a", "a"], ["a"]), (.succeeded, ["1 a 0", "1 a 1"], ["a"], ["a"]),
        (.ended, ["1 a 1", "1 a 0"], ["a", "a"], ["a"]),
        (.succeeded, ["1 a 1", "2 b 0", "1 a 1", "1 a 0"], ["b", "a"], []),
        // As parallel has a signal, and a timeout.
        (.succeeded, ["1 a 0/9", "2 b -1/15"], ["a", "b"], ["a", "b"]),
    ]

    @Test("what is left to do", arguments: runs)
    func left(mode: ResumeSet.Mode, log: [String], tasks: [String], left: [String]) throws {
        var set = ResumeSet(mode, key: KeyedDigest.Key(low: 1, high: 2))
        for record in log {
            let words = record.split(separator: " ")
            let codes = words[2].split(separator: "/")
            try set.add(
                JobLogLine(
                    seq: try #require(Int(words[0])), host: ":", startMs: 0, runtimeMs: 0,
                    exitval: try #require(Int(codes[0])),
                    signal: codes.count == 2 ? try #require(Int(codes[1])) : 0, command: Array(words[1].utf8)))
        }
        #expect(tasks.filter { !set.takes(command: Array($0.utf8)) } == left)
    }

    @Test("a hundred thousand records, in any order")
    func many() throws {
        var generator = SystemRandomNumberGenerator()
        var set = ResumeSet(.ended, key: KeyedDigest.Key(using: &generator))
        for number in (1...100_000).shuffled() {
            try set.add(
                JobLogLine(
                    seq: number, host: ":", startMs: 0, runtimeMs: 0, exitval: 0, signal: 0,
                    command: Array("echo \(number)".utf8)))
        }
        #expect((1...100_000).allSatisfy { set.takes(command: Array("echo \($0)".utf8)) })
        #expect(!(1...100_000).contains { set.takes(command: Array("echo \($0)".utf8)) })
    }

    @Test("a log that is too long is refused")
    func bounds() throws {
        var set = ResumeSet(.ended, key: KeyedDigest.Key(low: 1, high: 2), recordsMax: 1)
        let line = JobLogLine(seq: 1, host: ":", startMs: 0, runtimeMs: 0, exitval: 0, signal: 0, command: [])
        try set.add(line)
        #expect(throws: ResumeSet.TooManyRecords(recordsMax: 1)) { try set.add(line) }
    }
}

@Suite("keyed digests")
struct KeyedDigestTests {
    /// Of the bytes 0, 1, 2 … under the key 00 01 … 0f, as `openssl mac -macopt size:16 SIPHASH` (OpenSSL 3.0) has them.
    static let vectors: [(Int, String)] = [
        (0, "A3817F04BA25A8E66DF67214C7550293"),
        (1, "DA87C1D86B99AF44347659119B22FC45"),
        (7, "A1F1EBBED8DBC153C0B84AA61FF08239"),
        (8, "3B62A9BA6258F5610F83E264F31497B4"),
        (9, "264499060AD9BAABC47F8B02BB6D71ED"),
        (15, "5493E99933B0A8117E08EC0F97CFC3D9"),
        (16, "6EE2A4CA67B054BBFD3315BF85230577"),
        (63, "5150D1772F50834A503E069A973FBD7C"),
    ]

    @Test("the reference's answers", arguments: vectors)
    func reference(count: Int, hex: String) {
        let key = KeyedDigest.Key(low: 0x0706_0504_0302_0100, high: 0x0f0e_0d0c_0b0a_0908)
        let digest = KeyedDigest(of: (0..<count).map { UInt8($0) }, key: key)
        func text(_ word: UInt64) -> String {
            (0..<8).map { byte in
                let digits = String(UInt8(truncatingIfNeeded: word >> (8 * UInt64(byte))), radix: 16, uppercase: true)
                return digits.count == 1 ? "0" + digits : digits
            }.joined()
        }
        #expect(text(digest.low) + text(digest.high) == hex)
    }

    @Test("another key, another digest")
    func keys() {
        let (one, other) = (KeyedDigest.Key(low: 1, high: 2), KeyedDigest.Key(low: 1, high: 3))
        #expect(KeyedDigest(of: [1], key: one) != KeyedDigest(of: [1], key: other))
    }
}
