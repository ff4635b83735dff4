import Testing

@testable import MusterCommandLine

/// Commands whose words, from the first that is no flag on, are their own.
@Suite struct OwnWordsTests {
    static let count = Flag<Int?>.int("count", short: "n", "N", in: 0...9, "How often.")
    static let loud = Flag.bool("loud", short: "l", "Say more.")
    static let null = Flag.bool("null", short: "0", "For tests only.")
    static let names = Flag.texts("name", "NAME", "Names.")
    static let table = CommandTable(
        program: "muster", version: "9.9", summary: "a sample.",
        commands: [
            Command(
                name: "do", summary: "do it", description: ["Does it."],
                rest: Command.Rest(["COMMAND", "[ARG]..."], [Command.Rest.Entry("COMMAND", "What to do.")]),
                flags: [count.spec, loud.spec, null.spec, names.spec]
            ) { _ in }
        ])

    private func parse(_ words: [String]) throws -> ParsedArguments {
        guard case .run(_, let arguments) = try Self.table.parse(words, environment: [:]) else {
            throw SampleTable.NotACommand()
        }
        return arguments
    }

    @Test(arguments: [
        (["ls", "-l", "--help"], ["ls", "-l", "--help"]), (["-n", "3", "ls"], ["ls"]),
        (["--count=3", "--", "-x"], ["-x"]),
        (["-l", "-n3", "--name", "a", "ls", "--", "-n", "4"], ["ls", "--", "-n", "4"]), (["-"], ["-"]), ([], []),
        (["-l"], []), (["--"], []), (["-5", "-l"], ["-5", "-l"]), (["ls", ":::", ""], ["ls", ":::", ""]),
    ])
    func theyBeginBehindTheFlags(_ words: [String], _ own: [String]) throws {
        let arguments = try parse(["do"] + words)
        #expect(arguments.rest == own.map { Array($0.utf8) })
    }

    @Test func flagsBeforeThemAreRead() throws {
        let arguments = try parse(["do", "-l", "--name", "a", "-n", "3", "--name=b c", "-0", "ls", "-n", "4"])
        #expect(
            arguments[Self.count] == 3 && arguments[Self.loud] && arguments[Self.null]
                && arguments[Self.names] == ["a", "b c"])
    }

    @Test(arguments: [["do", "--help", "ls"], ["do", "-l", "-h"]])
    func helpIsAskedForBeforeThem(_ words: [String]) throws {
        guard case .help = try Self.table.parse(words, environment: [:]) else {
            Issue.record("no help")
            return
        }
    }

    @Test(arguments: [["do", "--nothing", "ls"], ["do", "-n", "x", "ls"], ["do", "--name=", "ls"]])
    func mistakesBeforeThemAreRefused(_ words: [String]) {
        #expect(throws: ParseError.self) { try Self.table.parse(words, environment: [:]) }
    }

    /// Only they need not be UTF-8.
    @Test func theyAreBytes() throws {
        func request(_ words: [[UInt8]]) throws -> Request {
            try Self.table.parse(
                words.map { String(decoding: $0, as: UTF8.self) }, bytes: words, environment: [:])
        }
        let own: [[UInt8]] = [Array("ls".utf8), [0xFF], [0x61, 0xC0]]
        guard case .run(_, let arguments) = try request([Array("do".utf8), Array("-l".utf8)] + own) else {
            Issue.record("not run")
            return
        }
        #expect(arguments.rest == own)
        let error = #expect(throws: ParseError.self) {
            try request([Array("do".utf8), Array("--name=".utf8) + [0xFF]] + own)
        }
        #expect(error?.error.message == "argument 2 is not valid UTF-8")
    }

    @Test func helpShowsThem() {
        let page = Help.page(for: Self.table.command(named: "do")!, in: Self.table, width: 80)
        #expect(page.contains("muster do [FLAG]... COMMAND [ARG]..."), "\(page)")
        #expect(page.contains("COMMAND\n        What to do."), "\(page)")
    }
}
