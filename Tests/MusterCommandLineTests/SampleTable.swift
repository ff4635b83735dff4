@testable import MusterCommandLine

/// A table with every kind of flag and argument: tests of the frame do not depend on the program's own commands.
enum SampleTable {
    static let speed = Flag<Int>.int("speed", short: "s", "N", in: 1...10, default: 3, "How fast.")
    static let size = Flag<Int?>.int("size", "N", in: 0...100, "How large.")
    static let ratio = Flag<Double>.double("ratio", "R", in: 0...1, default: 0.5, "How much of it.")
    static let wait = Flag.seconds("wait-seconds", in: 0...60, default: 1.5, "How long.")
    static let loud = Flag.bool("loud", short: "l", "Say more.")
    static let color = Flag<String>.text(
        "color", "COLOR", as: .choice(["red", "green"], reserved: ["blue"]), default: "red", "Which colour.")
    static let output = Flag<String?>.text("output", short: "o", "FILE", as: .file, "Where to.")
    static let home = Flag<String?>.text("home", "DIR", as: .directory, "Where from.")
    static let server = Flag<String>.text("server", "URL", as: .url, default: "http://localhost", "Whom to ask.")
        .environment("MUSTER_URL").common
    static let key = Flag<String?>.text("key", "KEY", as: .secret, "The key to show.")
    static let pairs = Flag.pairs("pair", short: "p", "K=V", "A pair.")
    static let labels = Flag.pairs("labels", "K=V,...", commaSeparated: true, "Labels.")
    static let inner = Flag.bool("inner", "For tests only.").hidden
    static let join = Flag<String>.required("join", "URL", as: .url, "Where to join.")

    static let what = Positional.text("WHAT", as: .text(bytesMax: 64, suggestions: ["apple", "pear"]), "What to draw.")
    static let level = Positional<String?>.optional("LEVEL", as: .choice(["low", "high"], reserved: []), "How high.")
    static let files = Positional.variadic("FILES", as: .file, "Files to read.")
    static let number = Positional.int("ID", in: 1...Int.max, "Which one.")

    static let draw = Command(
        name: "draw", summary: "draw something",
        description: [
            "Draws what it is told to, as large and as fast as it is told to, on whatever there is.", "Twice.",
        ],
        positionals: [what.spec, level.spec],
        flags: [
            speed.spec, size.spec, ratio.spec, wait.spec, loud.spec, color.spec, output.spec, home.spec, key.spec,
            pairs.spec, labels.spec, inner.spec, server.spec, CommonFlags.config.spec,
        ],
        rules: [.exclusive(["size", "ratio"]), .together(["output", "home"])],
        reservedFlags: ["store"],
        exits: [Command.Exit(.success, "It is drawn."), Command.Exit(.noInput)],
        examples: [Command.Example("muster draw apple -s 5", "A fast apple.")]
    ) { invocation in
        switch invocation[what] {
        case "wrong": throw CommandError(.temporary, "no \u{1B}[31mink\nleft")
        case "silent": throw CommandError(.failure, "")
        default: try invocation.out.line("\(invocation[what]) at \(invocation[speed])")
        }
    }

    static let show = Command(
        name: "show", summary: "show one", description: ["Shows it."], positionals: [number.spec], flags: [join.spec]
    ) { _ in }

    static let read = Command(
        name: "read", summary: "read files", description: ["Reads them."], positionals: [files.spec]
    ) { _ in }

    static let table = CommandTable(
        program: "muster", version: "9.9", summary: "a sample.", commands: [draw, show, read], reserved: ["run"])

    /// The parsed arguments of a command line that must be a good one.
    static func arguments(_ words: [String], _ environment: [String: String] = [:]) throws -> ParsedArguments {
        guard case .run(_, let arguments) = try table.parse(words, environment: environment) else {
            throw NotACommand()
        }
        return arguments
    }

    struct NotACommand: Error {}
}
