/// A page of the manual as the table gives it, before it is set in a format.
struct ManualPage: Sendable {
    enum Block: Hashable, Sendable {
        case paragraph(String)
        /// A program's words, each of which stays whole.
        case synopsis([String])
        case entry(Head, String)
        /// What is typed, as it stands.
        case example(String, explanation: String)
    }

    /// What an entry is about.
    enum Head: Hashable, Sendable {
        case flag(short: Character?, name: String, metavar: String?)
        /// To be typed as it stands.
        case literal(String)
        /// Something else stands in its place.
        case placeholder(String)
    }

    struct Section: Sendable {
        var title: String
        var blocks: [Block]
    }

    /// Such as `muster-submit`.
    var name: String
    /// As it is typed, such as `muster submit`.
    var words: String
    var summary: String
    var sections: [Section]
}

extension ManualPage {
    /// The page of a command.
    init(_ command: Command, in table: CommandTable) {
        name = "\(table.program)-\(command.name)"
        words = "\(table.program) \(command.name)"
        summary = command.summary
        let flags = command.visibleFlags
        sections = [
            Section(title: "SYNOPSIS", blocks: [.synopsis(Help.synopsis(of: command, in: table))]),
            Section(title: "DESCRIPTION", blocks: command.description.map { .paragraph($0) }),
            Section(
                title: "ARGUMENTS",
                blocks: command.arguments.map { .entry(.placeholder($0.name), $0.summary) }),
            Section(title: "OPTIONS", blocks: flags.filter { !$0.isCommon }.map(Self.entry)),
            Section(title: "COMMON OPTIONS", blocks: flags.filter(\.isCommon).map(Self.entry) + [Self.helpFlag]),
            Section(
                title: "EXIT STATUS",
                blocks: Help.exits(of: command).map {
                    .entry(.literal("\($0.code.rawValue)"), $0.meaning ?? $0.code.meaning)
                }),
            Section(
                title: "EXAMPLES",
                blocks: command.examples.map { .example($0.line, explanation: $0.explanation) }),
        ].filter { !$0.blocks.isEmpty }
    }

    /// The page of the program: its commands, and what holds for all of them.
    init(overview table: CommandTable) {
        name = table.program
        words = table.program
        summary = table.summary.hasSuffix(".") ? String(table.summary.dropLast()) : table.summary
        sections = [
            Section(
                title: "SYNOPSIS",
                blocks: [
                    .synopsis([table.program, "COMMAND", "[ARGUMENT]...", "[FLAG]..."]),
                    .synopsis([table.program, "--version"]),
                ]),
            Section(title: "DESCRIPTION", blocks: Self.description(table).map { .paragraph($0) }),
            Section(
                title: "COMMANDS", blocks: table.commands.map { .entry(.literal($0.name), Self.sentence($0.summary)) }),
            Section(title: "SETTINGS", blocks: Self.settings.map { .paragraph($0) }),
            Section(
                title: "EXIT STATUS",
                blocks: ExitCode.allCases.map { .entry(.literal("\($0.rawValue)"), $0.meaning) }),
        ]
    }

    private static func description(_ table: CommandTable) -> [String] {
        [
            "One program for every role of a fleet, and for those who ask it something. Each command has a page of its own, "
                + "\(table.program)-COMMAND, which '\(table.program) help COMMAND' prints, too.",
            "A flag's value is the one on the command line, else that of its environment variable, which the command's page "
                + "names, else that in a file of settings, else its default. Empty counts as not set.",
        ]
    }

    private static let settings = [
        "--config FILE, or the variable MUSTER_CONFIG, names a file of settings: a NAME = VALUE a line, NAME being a flag's without "
            + "its dashes, or its variable's. Lines that begin with # or ; are comments. Quotes around a whole value are no part of "
            + "it. What may be repeated may be named again.",
        "A file may serve several commands: what another command would take is passed over. A name that is no command's is "
            + "refused, with its line, and so is a value that does not fit.",
        "A token stands only in a file that strangers cannot read (chmod 600); token-file = FILE names a file of the token instead. "
            + "Under the names of variables, systemd's EnvironmentFile= reads such a file, too.",
    ]

    private static func sentence(_ summary: String) -> String {
        summary.prefix(1).uppercased() + summary.dropFirst() + "."
    }

    private static let helpFlag = Block.entry(.flag(short: "h", name: "help", metavar: nil), "Print this help.")

    private static func entry(_ flag: FlagSpec) -> Block {
        .entry(
            .flag(short: flag.short, name: flag.name, metavar: flag.takesValue ? flag.metavar : nil),
            Help.explanation(of: flag))
    }
}
