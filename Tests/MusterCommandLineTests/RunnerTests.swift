import Glibc
import MusterAPI
import MusterWire
import Testing

@testable import MusterCommandLine
@testable import MusterCommands

@Suite @MainActor struct RunnerTests {
    /// Runs a command line with standard output in a pipe, and returns what came out of it.
    static func run(_ words: [String], _ table: CommandTable = SampleTable.table) async throws -> (ExitCode, String) {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let code = await Runner.run(table, words, environment: [:], out: StandardOutput(descriptor: ends[1]))
        close(ends[1])
        defer { close(ends[0]) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(ends[0], &bytes, bytes.count)
        return (code, String(decoding: bytes.prefix(max(0, count)), as: UTF8.self))
    }

    @Test func aCommandRuns() async throws {
        #expect(try await Self.run(["draw", "apple", "-s", "4"]) == (.success, "apple at 4\n"))
        #expect(try await Self.run(["draw", "wrong"]) == (.temporary, ""))
        #expect(try await Self.run(["draw", "silent"]) == (.failure, ""))
        #expect(try await Self.run(["draw"]) == (.usage, ""))
    }

    @Test func theFrameAnswersByItself() async throws {
        #expect(try await Self.run(["--version"]) == (.success, "muster 9.9\n"))
        let overview = try await Self.run(["--help"])
        #expect(overview.1.hasPrefix("muster 9.9: a sample."))
        #expect(try await Self.run(["help"]) == overview)
        let page = try await Self.run(["draw", "--help"])
        #expect(page.1.hasPrefix("NAME\n    muster draw - draw something\n"))
        #expect(try await Self.run(["help", "draw"]) == page)
        #expect(try await Self.run(["help", "run"]) == (.usage, ""))
        #expect(
            try await Self.run(["completion", "bash"], MusterCommand.table).1.contains("complete -F _muster muster"))
    }

    @Test func aReaderThatWentAwayIsNoError() async throws {
        signal(SIGPIPE, SIG_IGN)
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        close(ends[0])
        defer { close(ends[1]) }
        let out = StandardOutput(descriptor: ends[1])
        #expect(await Runner.run(SampleTable.table, ["draw", "apple"], environment: [:], out: out) == .success)
    }

    @Test func aFullDiskIsAnError() async throws {
        let full = open("/dev/full", O_WRONLY)
        try #require(full >= 0)
        defer { close(full) }
        let out = StandardOutput(descriptor: full)
        #expect(await Runner.run(SampleTable.table, ["draw", "apple"], environment: [:], out: out) == .inputOutput)
        #expect(throws: CommandError(.inputOutput, "cannot write to standard output: No space left on device")) {
            try out.write("x")
            try out.flush()
        }
    }

    @Test func messagesArePrintableLines() {
        let error = CommandError(.temporary, "no \u{1B}[31mink\nleft")
        #expect(
            Runner.line(for: ParseError(error: error, command: "draw"), program: "muster")
                == "muster draw: no ?[31mink?left")
        let silent = ParseError(error: CommandError(.failure, ""), command: "draw")
        #expect(Runner.line(for: silent, program: "muster") == nil)
    }

    @Test(arguments: [
        (400, ExitCode.data), (401, .noPermission), (403, .noPermission), (404, .noInput), (409, .data), (413, .data),
        (422, .data), (429, .temporary), (500, .internalError), (502, .unavailable), (503, .temporary),
        (504, .unavailable), (507, .temporary),
    ]) func anAnswerBecomesAnExitCode(_ status: Int, _ code: ExitCode) {
        let error = CommandError(Problem(status, "no job 7"))
        #expect(error.exitCode == code)
        // In a user's words, not the protocol's.
        #expect(error.message.hasPrefix("the coordinator ") && error.message.hasSuffix(": no job 7"))
        #expect(!error.message.contains("\(status)") && !error.message.contains(Problem.title(of: status)))
    }

    @Test func whatMayBeAskedAgainSaysSo() {
        #expect(CommandError(Problem(409, "is being answered", retryAfter: 1)).exitCode == .temporary)
    }

    @Test func everyExitCodeIsInRange() {
        #expect(ExitCode.allCases.allSatisfy { $0.rawValue <= 1 || (64...78).contains($0.rawValue) })
    }
}
