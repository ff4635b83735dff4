/// The program's whole command line as data; parsing, help and completion are all read from it.
package struct CommandTable: Sendable {
    package let program: String
    package let version: String
    /// What `--version` says of the build, in brackets behind the version; nil: nothing.
    package let build: String?
    package let summary: String
    /// In the order in which help lists them; `help` is always the last.
    package let commands: [Command]
    /// Commands that a later version will have: refused as such.
    package let reserved: [String]

    /// Checks the table as it builds it; a table that breaks a rule is a defect and traps.
    package init(
        program: String, version: String, build: String? = nil, summary: String, commands: [Command],
        reserved: [String] = []
    ) {
        self.program = program
        self.version = version
        self.build = build
        self.summary = summary
        self.reserved = reserved
        self.commands = commands + [Self.helpCommand(for: commands.map(\.name) + ["help"])]
        for command in self.commands { Self.check(command) }
        let names = self.commands.map(\.name) + reserved
        precondition(Set(names).count == names.count, "two commands share a name")
    }

    package func command(named name: String) -> Command? { commands.first { $0.name == name } }

    private static let helpTopic = Positional<String?>.optional(
        "COMMAND", "The command to explain; without it, all are listed.")

    private static func helpCommand(for names: [String]) -> Command {
        var topic = helpTopic.spec
        topic.kind = .text(bytesMax: 64, suggestions: names)
        return Command(
            name: "help", summary: "explain a command",
            description: ["Prints the help of a command, or the list of all commands."],
            positionals: [topic], exits: [Command.Exit(.usage)],
            examples: [Command.Example("muster help submit", "All about submitting work.")]
        ) { invocation in
            let table = invocation.table
            guard let name = invocation[helpTopic] else {
                return try invocation.out.write(Help.overview(table, width: invocation.helpWidth))
            }
            let command = try table.lookUp(name)
            try invocation.out.write(Help.page(for: command, in: table, width: invocation.helpWidth))
        }
    }

    /// The command of that name. Throws a usage error with the nearest name, or that it is not yet there.
    package func lookUp(_ name: String) throws(CommandError) -> Command {
        if let command = command(named: name) { return command }
        if reserved.contains(name) { throw .usage("the command \(name) is not yet in this version") }
        let near = nearest(to: name, in: commands.map(\.name)).map { "; did you mean \($0)?" } ?? ""
        throw .usage("unknown command \(CommandError.quoted(name))\(near)")
    }

    private static func check(_ command: Command) {
        precondition(isWord(command.name), "a command's name is a word: \(command.name)")
        let names = command.flags.map(\.name) + command.reservedFlags
        precondition(Set(names).count == names.count, "two flags of \(command.name) share a name")
        let shorts = command.flags.compactMap(\.short)
        precondition(
            Set(shorts).count == shorts.count && !shorts.contains("h"), "two flags of \(command.name) share a letter")
        precondition(!names.contains("help"), "--help is the frame's own")
        precondition(command.rest == nil || command.positionals.isEmpty, "positionals beside words of its own")
        for flag in command.flags {
            precondition(isWord(flag.name), "a flag's name is a word: \(flag.name)")
            if case .words(let words) = flag.kind.completion { precondition(words.allSatisfy(isWord)) }
        }
        for (place, positional) in command.positionals.enumerated() where place > 0 {
            let before = command.positionals[place - 1].arity
            precondition(
                before == .required || (before == .optional && positional.arity != .required), "misplaced optional")
        }
        for rule in command.rules {
            switch rule {
            case .exclusive(let names), .together(let names):
                precondition(
                    names.allSatisfy { command.flag(named: $0) != nil }, "a rule of \(command.name) names no flag")
            }
        }
    }

    /// Words stand in shell scripts without quotes.
    private static func isWord(_ text: String) -> Bool {
        let inner = "abcdefghijklmnopqrstuvwxyz0123456789-"
        return !text.isEmpty && text.first != "-" && text.allSatisfy(inner.contains)
    }
}
