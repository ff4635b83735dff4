import Glibc
import Testing

@testable import MusterCommandLine
@testable import MusterCommands

@Suite struct SettingsTests {
    typealias Sample = SampleTable

    static func settings(_ text: String, exposure: String? = nil) throws(CommandError) -> Settings {
        try Settings(path: "f", bytes: Array(text.utf8), exposure: exposure)
    }

    /// The parsed arguments of a command line that names a file of this text.
    static func arguments(
        _ text: String, _ words: [String] = ["draw", "apple"], _ environment: [String: String] = [:],
        exposure: String? = nil
    ) throws -> ParsedArguments {
        let request = try Sample.table.parse(words + ["--config", "f"], environment: environment) {
            path throws(CommandError) in
            #expect(path == "f")
            return try settings(text, exposure: exposure)
        }
        guard case .run(_, let arguments) = request else { throw Sample.NotACommand() }
        return arguments
    }

    @Test func linesAreNamesAndValues() throws {
        let file = try Self.settings(
            "# a\n  ; b\n\nspeed=7\r\n wait-seconds = 2 \nhome = \" x \"\ncolor='re\"d'\nkey=a=b#c")
        #expect(file.entries.map(\.name) == ["speed", "wait-seconds", "home", "color", "key"])
        #expect(file.entries.map(\.value) == ["7", "2", " x ", "re\"d", "a=b#c"])
        #expect(file.entries.map(\.line) == [4, 5, 6, 7, 8])
        #expect(try Self.settings("").entries.isEmpty)
    }

    /// An accent makes one character with what stands before it.
    @Test func valuesAreReadByBytes() throws {
        let file = try Self.settings("home = \"\u{301}x\"\nhome =\u{301}\nhome = '\u{600}'\nhome = \u{301} \n")
        #expect(file.entries.map(\.value) == ["\u{301}x", "\u{301}", "\u{600}", "\u{301}"])
    }

    @Test func namesAreThoseOfFlagsOrOfVariables() throws {
        let arguments = try Self.arguments(
            "speed = 9\nMUSTER_LOUD = yes\nMUSTER_URL=http://h:1/\npair = a=1,x\npair = b=2\ncolor =\n")
        #expect(arguments[Sample.speed] == 9)
        #expect(arguments[Sample.loud])
        #expect(arguments[Sample.server] == "http://h:1")
        #expect(arguments[Sample.pairs] == [KeyValue("a", "1,x"), KeyValue("b", "2")])
        #expect(arguments[Sample.color] == "red")
        #expect(arguments.isGiven(Sample.speed))
    }

    @Test func theNearestWins() throws {
        let text = "speed = 2\nratio = 0.1\nloud = true"
        #expect(try Self.arguments(text)[Sample.speed] == 2)
        let environment = ["MUSTER_SPEED": "3", "MUSTER_LOUD": ""]
        #expect(try Self.arguments(text, ["draw", "a"], environment)[Sample.speed] == 3)
        #expect(try Self.arguments(text, ["draw", "a"], environment)[Sample.loud])
        let typed = try Self.arguments(text, ["draw", "a", "--speed", "4", "--loud=false"], environment)
        #expect(typed[Sample.speed] == 4)
        #expect(!typed[Sample.loud])
    }

    @Test func whatExcludesIsSilencedFromFurtherAway() throws {
        let inFile = try Self.arguments("ratio = 0.1", ["draw", "a"], ["MUSTER_SIZE": "5"])
        #expect(inFile[Sample.size] == 5 && inFile[Sample.ratio] == 0.5)
        let typed = try Self.arguments("ratio = 0.1", ["draw", "a", "--size", "6"])
        #expect(typed[Sample.size] == 6 && typed[Sample.ratio] == 0.5)
    }

    @Test func aVariableNamesTheFile() throws {
        let request = try Sample.table.parse(["draw", "a"], environment: ["MUSTER_CONFIG": "there"]) {
            path throws(CommandError) in
            try Settings(path: path, bytes: Array("speed = 8".utf8))
        }
        guard case .run(_, let arguments) = request else { throw Sample.NotACommand() }
        #expect(arguments[Sample.speed] == 8)
    }

    /// One file may serve several commands.
    @Test func othersCommandsNamesArePassedOver() throws {
        let arguments = try Self.arguments("join = http://h\nspeed = 5")
        #expect(arguments[Sample.speed] == 5)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let text: String
        let message: String
        init(_ text: String, _ message: String) {
            self.text = text
            self.message = message
        }
        var testDescription: String { text }
    }

    @Test(arguments: [
        Refusal("\nspede = 3", "f, line 2: unknown name \"spede\"; did you mean speed?"),
        Refusal("MUSTER_SPEDE=3", "f, line 1: unknown name \"MUSTER_SPEDE\"; did you mean MUSTER_SPEED?"),
        Refusal("config = g", "f, line 1: unknown name \"config\""),
        Refusal("inner = true", "f, line 1: unknown name \"inner\""),
        Refusal("speed = 11", "f, line 1: speed: \"11\" is not a whole number from 1 to 10"),
        Refusal("# x\nMUSTER_SPEED=", ""),
        Refusal("speed = 1\nMUSTER_SPEED = 2", "f, line 2: MUSTER_SPEED is given already, in line 1"),
        Refusal("abcdef", "f, line 1: this is not NAME = VALUE"),
        Refusal("= 3", "f, line 1: \"\" is no name of a setting"),
        Refusal("[draw]\n", "f, line 1: this is not NAME = VALUE"),
        Refusal("my speed = 3", "f, line 1: \"my speed\" is no name of a setting"),
        Refusal("export MUSTER_SPEED=3", "f, line 1: \"export MUSTER_SPEED\" is no name of a setting"),
        Refusal(
            "speed = 3 # fast",
            "f, line 1: a comment stands on a line of its own; quote the value if # is part of it"),
        Refusal("home = \"x", "f, line 1: the value's quote is not closed"),
        Refusal("home = 'x'y'", "f, line 1: a value with ' in it stands in the other kind of quotes"),
        Refusal("home = x\\", "f, line 1: a value with a backslash stands in single quotes"),
        Refusal("home = \"x\\n\"", "f, line 1: a value with a backslash stands in single quotes"),
        Refusal("home = x\ry", "f, line 1: this holds a control character"),
        Refusal("# x\rhome = y", "f, line 1: this holds a control character"),
        Refusal("home = 'x\0'", "f, line 1: this holds a control character"),
        Refusal(
            "speed = 3\n # x\\\nhome = y",
            "f, line 2: a comment must not end in a backslash: some readers take the next line for a part of it"),
        Refusal("size = 1\nratio = 1", "size (f, line 1) and ratio (f, line 2) exclude each other: give one of them"),
        Refusal(
            "key = my secret", "f, line 1: key: the value given is not a token of 1 to 256 visible ASCII characters"),
    ]) func refuses(_ refusal: Refusal) throws {
        guard !refusal.message.isEmpty else {
            _ = try Self.arguments(refusal.text)
            return
        }
        let failure = try #require(throws: ParseError.self) { try Self.arguments(refusal.text) }
        #expect(failure.error.message == refusal.message)
        #expect(failure.command == "draw")
    }

    @Test func mistakesInAFileHaveACodeOfTheirOwn() throws {
        for text in ["spede = 3", "speed = 11", "x"] {
            let failure = try #require(throws: ParseError.self) { try Self.arguments(text) }
            #expect(failure.error.exitCode == .configuration)
        }
    }

    @Test func aTokenStandsOnlyWhereStrangersCannotRead() throws {
        #expect(try Self.arguments("key = k-1")[Sample.key] == "k-1")
        let failure = try #require(throws: ParseError.self) {
            try Self.arguments("key = k-1", exposure: "has the mode 0644")
        }
        #expect(failure.error.exitCode == .configuration)
        #expect(failure.error.message.hasPrefix("f, line 1: a token stands in a file that has the mode 0644"))
        #expect(!failure.error.message.contains("k-1"))
        // What holds no token may be read by all.
        #expect(try Self.arguments("speed = 3\nkey =", exposure: "has the mode 0644")[Sample.speed] == 3)
    }

    @Test func filesAreReadWithABound() throws {
        let path = "/tmp/muster-settings-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer { unlink(path) }
        func write(_ text: String, mode: mode_t) throws {
            let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            try #require(file >= 0)
            defer { close(file) }
            fchmod(file, mode)
            var bytes = Array(text.utf8)
            try #require(Glibc.write(file, &bytes, bytes.count) == bytes.count)
        }
        try write("speed = 3", mode: 0o600)
        #expect(try Settings.read(path) == Settings(path: path, bytes: Array("speed = 3".utf8)))
        try write("speed = 3", mode: 0o644)
        #expect(try Settings.read(path).exposure == "has the mode 0644")
        try write(String(repeating: "#", count: Settings.bytesMax + 1), mode: 0o600)
        #expect(throws: CommandError.self) { try Settings.read(path) }
        unlink(path)
        let missing = try #require(throws: CommandError.self) { try Settings.read(path) }
        #expect(missing.exitCode == .noInput)
    }

    /// Whatever the environment can set, a file can.
    @Test(arguments: MusterCommand.table.commands.filter { !["help", "completion"].contains($0.name) }.map(\.name))
    func everyCommandTakesAFile(_ name: String) throws {
        let command = try #require(MusterCommand.table.command(named: name))
        #expect(command.flags.contains { $0.name == "config" && $0.environmentName == "MUSTER_CONFIG" })
    }
}
