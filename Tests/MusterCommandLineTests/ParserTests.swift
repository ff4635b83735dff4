import Testing

@testable import MusterCommandLine
@testable import MusterCommands

@Suite struct ParserTests {
    typealias Sample = SampleTable

    @Test func defaultsHoldWhereNothingIsGiven() throws {
        let arguments = try Sample.arguments(["draw", "apple"])
        #expect(arguments[Sample.what] == "apple")
        #expect(arguments[Sample.level] == nil)
        #expect(arguments[Sample.speed] == 3)
        #expect(arguments[Sample.size] == nil)
        #expect(arguments[Sample.ratio] == 0.5)
        #expect(arguments[Sample.wait] == .milliseconds(1500))
        #expect(!arguments[Sample.loud])
        #expect(arguments[Sample.color] == "red")
        #expect(arguments[Sample.output] == nil)
        #expect(arguments[Sample.server] == "http://localhost")
        #expect(arguments[Sample.pairs].isEmpty)
        #expect(!arguments.isGiven(Sample.speed))
    }

    @Test func everyKindIsRead() throws {
        let arguments = try Sample.arguments([
            "draw", "--speed=7", "apple", "--ratio", "0.25", "--wait-seconds", "2", "-l", "high", "--color", "green",
            "-o", "out.png", "--home=/x", "--key=k-1", "-pa=1", "--pair", "b=2", "-p=c=3", "--labels", "x=1,y=2",
            "--labels=z=3", "--server", "https://h/",
        ])
        #expect(arguments[Sample.what] == "apple")
        #expect(arguments[Sample.level] == "high")
        #expect(arguments[Sample.speed] == 7)
        #expect(arguments[Sample.ratio] == 0.25)
        #expect(arguments[Sample.wait] == .seconds(2))
        #expect(arguments[Sample.loud])
        #expect(arguments[Sample.color] == "green")
        #expect(arguments[Sample.output] == "out.png")
        #expect(arguments[Sample.home] == "/x")
        #expect(arguments[Sample.key] == "k-1")
        #expect(arguments[Sample.pairs] == [KeyValue("a", "1"), KeyValue("b", "2"), KeyValue("c", "3")])
        #expect(arguments[Sample.labels] == [KeyValue("x", "1"), KeyValue("y", "2"), KeyValue("z", "3")])
        #expect(arguments[Sample.server] == "https://h")
        #expect(arguments.isGiven(Sample.speed))
    }

    @Test func wordsAfterTwoDashesAreArguments() throws {
        #expect(try Sample.arguments(["draw", "--", "--loud", "low"])[Sample.what] == "--loud")
        #expect(
            try Sample.arguments(["read", "a", "-", "--", "--help", "-x"])[Sample.files] == ["a", "-", "--help", "-x"])
        #expect(try Sample.arguments(["draw", "--", "--"])[Sample.what] == "--")
    }

    @Test func theEnvironmentFillsWhatIsOpen() throws {
        let environment = [
            "MUSTER_SPEED": "9", "MUSTER_LOUD": "yes", "MUSTER_WAIT_SECONDS": "0.5", "MUSTER_URL": "http://e:1/",
            "MUSTER_PAIR": "a=1,x\nb=2", "MUSTER_COLOR": "", "MUSTER_SERVER": "not read",
        ]
        let arguments = try Sample.arguments(["draw", "apple", "--speed", "2"], environment)
        #expect(arguments[Sample.speed] == 2)
        #expect(arguments[Sample.loud])
        #expect(arguments[Sample.wait] == .milliseconds(500))
        #expect(arguments[Sample.server] == "http://e:1")
        #expect(arguments[Sample.pairs] == [KeyValue("a", "1,x"), KeyValue("b", "2")])
        #expect(arguments[Sample.color] == "red")
        #expect(!(try Sample.arguments(["draw", "apple", "--loud=false"], environment)[Sample.loud]))
        let other = try Sample.arguments(["draw", "apple", "-p", "c=3"], environment)
        #expect(other[Sample.pairs] == [KeyValue("c", "3")])
    }

    @Test func theCommandLineSilencesAnExclusiveVariable() throws {
        let arguments = try Sample.arguments(["draw", "apple", "--size", "5"], ["MUSTER_RATIO": "0.1"])
        #expect(arguments[Sample.size] == 5)
        #expect(arguments[Sample.ratio] == 0.5)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let words: [String]
        let environment: [String: String]
        let line: String
        init(_ words: [String], _ line: String, _ environment: [String: String] = [:]) {
            self.words = words
            self.environment = environment
            self.line = line
        }
        var testDescription: String {
            words.joined(separator: " ") + (environment.isEmpty ? "" : " with \(environment)")
        }
    }

    static let refusals: [Refusal] = [
        Refusal(["drwa"], "muster: unknown command \"drwa\"; did you mean draw?; try 'muster --help'"),
        Refusal(["zzzzzz"], "muster: unknown command \"zzzzzz\"; try 'muster --help'"),
        Refusal([""], "muster: unknown command \"\"; try 'muster --help'"),
        Refusal(["run", "--", "ls"], "muster: the command run is not yet in this version; try 'muster --help'"),
        Refusal(["run", "--help"], "muster: the command run is not yet in this version; try 'muster --help'"),
        Refusal(
            ["--json", "draw"],
            "muster: \"--json\" is no command: flags stand after the command, as in 'muster jobs --json'; "
                + "try 'muster --help'"
        ),
        Refusal(["draw"], "muster draw: WHAT is missing: What to draw.; try 'muster draw --help'"),
        Refusal(["draw", "a", "low", "b"], "muster draw: unexpected argument \"b\"; try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "medium"],
            "muster draw: LEVEL: \"medium\" is not one of low, high; "
                + "try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "--spede", "1"],
            "muster draw: unknown flag \"--spede\"; did you mean --speed?; try 'muster draw --help'"),
        Refusal(["draw", "a", "--inne"], "muster draw: unknown flag \"--inne\"; try 'muster draw --help'"),
        Refusal(["draw", "a", "-x"], "muster draw: unknown flag \"-x\"; try 'muster draw --help'"),
        Refusal(["draw", "a", "--\u{1B}[2J"], "muster draw: unknown flag \"--?[2J\"; try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "-lq"],
            "muster draw: unknown flag \"-lq\"; write flags of one letter apart; try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "--speed", "abc"],
            "muster draw: --speed: \"abc\" is not a whole number from 1 to 10; try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "-s", "11"],
            "muster draw: -s: \"11\" is not a whole number from 1 to 10; try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "--speed", "-1"],
            "muster draw: --speed: \"-1\" is not a whole number from 1 to 10; try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "--speed"],
            "muster draw: --speed needs a value, a whole number from 1 to 10; try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "--output", "--loud"],
            "muster draw: --output needs a value, a path; one that begins with - is written --output=VALUE; "
                + "try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "--loud=x"], "muster draw: --loud: \"x\" is not true or false; try 'muster draw --help'"),
        Refusal(["draw", "a", "-l", "--loud"], "muster draw: --loud is given twice; try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "--color", "blue"],
            "muster draw: --color: \"blue\" is not yet in this version; try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "--store", "x"], "muster draw: --store is not yet in this version; try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "--store=x"], "muster draw: --store is not yet in this version; try 'muster draw --help'"),
        Refusal(
            ["draw", "a"],
            "muster draw: the environment variable MUSTER_STORE is not yet in this version; try 'muster draw --help'",
            ["MUSTER_STORE": "postgres://h"]),
        Refusal(
            ["draw", "a"],
            "muster draw: the environment variable MUSTER_SPEED: \"fast\" is not a whole number from 1 to 10; "
                + "try 'muster draw --help'", ["MUSTER_SPEED": "fast"]),
        Refusal(
            ["draw", "a", "--size", "1", "--ratio", "0"],
            "muster draw: --size and --ratio exclude each other: give one of them; try 'muster draw --help'"),
        Refusal(
            ["draw", "a"],
            "muster draw: MUSTER_SIZE and MUSTER_RATIO exclude each other: give one of them; try 'muster draw --help'",
            ["MUSTER_SIZE": "1", "MUSTER_RATIO": "1"]),
        Refusal(["draw", "a", "-o", "x"], "muster draw: --output needs --home too; try 'muster draw --help'"),
        Refusal(
            ["draw", "a", "--key", "my secret"],
            "muster draw: --key: the value given is not a token of 1 to 256 visible ASCII characters; "
                + "try 'muster draw --help'"
        ),
        Refusal(
            ["show", "7"],
            "muster show: --join URL is needed (or the variable MUSTER_JOIN): Where to join.; "
                + "try 'muster show --help'"),
        Refusal(
            ["show", "-7"], "muster show: ID: \"-7\" is not a whole number from 1; try 'muster show --help'"),
    ]

    @Test(arguments: refusals) func refuses(_ refusal: Refusal) throws {
        let failure = try #require(throws: ParseError.self) {
            try SampleTable.table.parse(refusal.words, environment: refusal.environment)
        }
        #expect(failure.error.exitCode == .usage)
        #expect(Runner.line(for: failure, program: "muster") == refusal.line)
    }

    @Test func helpWinsOverMistakes() throws {
        for words in [["draw", "--help"], ["draw", "--bogus", "-h"], ["draw", "--speed", "--help", "--", "x"]] {
            guard case .help(let command) = try Sample.table.parse(words, environment: [:]) else {
                Issue.record("no help for \(words)")
                continue
            }
            #expect(command.name == "draw")
        }
    }

    @Test func theProgramsOwnFlags() throws {
        for words in [["--help"], ["-h"]] {
            guard case .overview = try Sample.table.parse(words, environment: [:]) else {
                Issue.record("no overview for \(words)")
                continue
            }
        }
        guard case .version = try Sample.table.parse(["--version"], environment: [:]) else {
            Issue.record("no version")
            return
        }
    }

    @Test(arguments: [
        ("sumbit", "submit"), ("jbos", "jobs"), ("comp", "completion"), ("worke", "worker"), ("x", nil), ("", nil),
        ("resultss", "results"), ("entirely-else", nil),
    ]) func nearestName(_ word: String, _ expected: String?) {
        #expect(nearest(to: word, in: MusterCommand.table.commands.map(\.name)) == expected)
    }
}
