import Testing

@testable import RunRules

@Suite("the job log")
struct JobLogTests {
    /// Lines that GNU parallel 20221122 wrote, and what they say.
    static let parallel: [(String, JobLogLine)] = [
        (
            "1\t:\t1795941224.207\t     0.000\t0\t0\t0\t0\ttrue",
            JobLogLine(
                seq: 1, host: ":", startMs: 1_795_941_224_207, runtimeMs: 0, exitval: 0, signal: 0,
                command: Array("true".utf8))
        ),
        (
            "2\t:\t1795941224.209\t     0.009\t0\t0\t3\t0\texit 3",
            JobLogLine(
                seq: 2, host: ":", startMs: 1_795_941_224_209, runtimeMs: 9, exitval: 3, signal: 0,
                command: Array("exit 3".utf8))
        ),
        (
            "3\t:\t1795941224.219\t     0.000\t0\t0\t0\t9\tkill -9 $$",
            JobLogLine(
                seq: 3, host: ":", startMs: 1_795_941_224_219, runtimeMs: 0, exitval: 0, signal: 9,
                command: Array("kill -9 $$".utf8))
        ),
        (
            "5\t:\t1795941224.226\t     0.001\t0\t3\t0\t0\tprintf \"a\tb\"",
            JobLogLine(
                seq: 5, host: ":", startMs: 1_795_941_224_226, runtimeMs: 1, receive: 3, exitval: 0, signal: 0,
                command: Array("printf \"a\tb\"".utf8))
        ),
        (
            "1\t:\t1795941224.298\t     0.003\t0\t3\t0\t0\tprintf \"a\0b\"; exit 0",
            JobLogLine(
                seq: 1, host: ":", startMs: 1_795_941_224_298, runtimeMs: 3, receive: 3, exitval: 0, signal: 0,
                command: Array("printf \"a\nb\"; exit 0".utf8))
        ),
        (
            "1\t:\t1795941224.372\t     1.752\t0\t0\t-1\t15\tsleep 5",
            JobLogLine(
                seq: 1, host: ":", startMs: 1_795_941_224_372, runtimeMs: 1_752, exitval: -1, signal: 15,
                command: Array("sleep 5".utf8))
        ),
        (
            "1\tserver\t1795941226.451\t123456.002\t1000\t1\t0\t0\t",
            JobLogLine(
                seq: 1, host: "server", startMs: 1_795_941_226_451, runtimeMs: 123_456_002, send: 1_000, receive: 1,
                exitval: 0, signal: 0,
                command: [])
        ),
    ]

    @Test("lines are read and written as GNU parallel has them", arguments: parallel)
    func same(text: String, line: JobLogLine) {
        #expect(JobLogLine(parsing: Array(text.utf8)[...]) == line)
        #expect(String(decoding: line.bytes, as: UTF8.self) == text)
    }

    @Test("bytes of any kind stay one line, and come back")
    func lossless() {
        for command: [UInt8] in [
            Array("a\nb\tc\r\n'\\".utf8), [0xFF, 0xFE, 0x0A, 0x09], Array("\n".utf8),
            Array(repeating: 0x27, count: 200_000),
        ] {
            let line = JobLogLine(
                seq: 1_000_000, host: "w\t1\n2", startMs: -1, runtimeMs: -5_001, exitval: 137, signal: 9,
                command: command)
            #expect(!line.bytes.contains(0x0A))
            var expected = line
            expected.host = "w_1_2"
            #expect(JobLogLine(parsing: line.bytes[...]) == expected)
        }
    }

    static let bad = [
        "", "1", "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand",
        "1\t:\t1.0\t1.0\t0\t0\t0\t0",
        "0\t:\t1.0\t1.0\t0\t0\t0\t0\ta", "a\t:\t1.0\t1.0\t0\t0\t0\t0\ta", "1\t\t1.0\t1.0\t0\t0\t0\t0\ta",
        "1\t:\tx\t1.0\t0\t0\t0\t0\ta",
        "1\t:\t1.\t1.0\t0\t0\t0\t0\ta", "1\t:\t1.-5\t1.0\t0\t0\t0\t0\ta", "1\t:\t1.0\t\t0\t0\t0\t0\ta",
        "1\t:\t1.0\t1.0\t\t0\t0\t0\ta",
        "1\t:\t1.0\t1.0\t0\t0\t0x1\t0\ta", "1\t:\t99999999999999999999.0\t1.0\t0\t0\t0\t0\ta",
        "1\t:\t9223372036854775.808\t1.0\t0\t0\t0\t0\ta",
        "1\t:\t1.0\t1.0\t0\t0\t--1\t0\ta",
    ]

    @Test("what is no line of a job log", arguments: bad)
    func refused(text: String) {
        #expect(JobLogLine(parsing: Array(text.utf8)[...]) == nil)
    }

    @Test("a log is read in pieces; its cut end is no record")
    func reader() throws {
        let header = String(decoding: JobLogLine.header, as: UTF8.self)
        let lines = Self.parallel.map(\.0)
        let whole = ([header] + lines[..<3] + ["", header] + lines[3...]).joined(separator: "\n") + "\n"
        let text = Array((whole + "8\t:\t1795941224.207\t     0.000\t0\t0\t0\t0\trm -rf").utf8)
        for pieceBytes in [1, 7, 1_000] {
            var (reader, found) = (JobLogReader(), [JobLogLine]())
            var rest = text[...]
            while !rest.isEmpty {
                try reader.feed(rest.prefix(pieceBytes)) { found.append($0) }
                rest = rest.dropFirst(pieceBytes)
            }
            #expect(found == Self.parallel.map(\.1))
            #expect(reader.wholeBytes == whole.utf8.count)
        }
    }

    @Test("what is no log is named by its line")
    func faults() {
        var reader = JobLogReader(lineBytesMax: 100)
        #expect(throws: JobLogReader.Fault(line: 2, reason: "is none of a job log")) {
            try reader.feed((JobLogLine.header + Array("\nhello\n".utf8))[...]) { _ in }
        }
        var long = JobLogReader(lineBytesMax: 100)
        #expect(throws: JobLogReader.Fault(line: 1, reason: "is longer than 100 bytes")) {
            try long.feed([UInt8](repeating: 0x61, count: 101)[...]) { _ in }
        }
    }
}
