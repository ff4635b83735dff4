/// One command of the table: all that parsing, help and completion need, and what it does.
package struct Command: Sendable {
    package struct Example: Hashable, Sendable {
        package var line: String
        var explanation: String
        package init(_ line: String, _ explanation: String) {
            self.line = line
            self.explanation = explanation
        }
    }

    /// A relation between flags that parsing enforces. Flags are named without their dashes.
    package enum Rule: Hashable, Sendable {
        /// At most one of them. What the command line gives silences the environment's others.
        case exclusive([String])
        /// All of them or none.
        case together([String])
    }

    /// An exit code whose meaning here is more exact than its general one; nil: the general one.
    package struct Exit: Hashable, Sendable {
        package var code: ExitCode
        var meaning: String?
        package init(_ code: ExitCode, _ meaning: String? = nil) {
            self.code = code
            self.meaning = meaning
        }
    }

    /// Words that are the command's own, from the first that is no flag on: they are handed over as the bytes they came in. Flags stand
    /// before them.
    package struct Rest: Hashable, Sendable {
        package struct Entry: Hashable, Sendable {
            package var name: String
            package var summary: String
            package init(_ name: String, _ summary: String) { (self.name, self.summary) = (name, summary) }
        }

        /// As the synopsis shows them.
        package var synopsis: [String]
        package var entries: [Entry]

        package init(_ synopsis: [String], _ entries: [Entry]) { (self.synopsis, self.entries) = (synopsis, entries) }
    }

    package var name: String
    /// What it does in one line, lower-case first, no full stop.
    package var summary: String
    /// Paragraphs of help's DESCRIPTION.
    package var description: [String]
    package var positionals: [PositionalSpec]
    /// Excludes positionals.
    package var rest: Rest?
    package var flags: [FlagSpec]
    package var rules: [Rule]
    /// Flags that a later version will have: refused by name, with any value.
    package var reservedFlags: [String]
    package var exits: [Exit]
    package var examples: [Example]
    /// Does the work on the main thread, which may block on standard input and output. Throws `CommandError` to end
    /// otherwise than with 0.
    package var run: @MainActor @Sendable (Invocation) async throws -> Void

    package init(
        name: String, summary: String, description: [String], positionals: [PositionalSpec] = [],
        rest: Rest? = nil, flags: [FlagSpec] = [], rules: [Rule] = [], reservedFlags: [String] = [], exits: [Exit] = [],
        examples: [Example] = [], run: @escaping @MainActor @Sendable (Invocation) async throws -> Void
    ) {
        self.name = name
        self.summary = summary
        self.description = description
        self.positionals = positionals
        self.rest = rest
        self.flags = flags
        self.rules = rules
        self.reservedFlags = reservedFlags
        self.exits = exits
        self.examples = examples
        self.run = run
    }

    func flag(named name: String) -> FlagSpec? { flags.first { $0.name == name } }
    func flag(short: Character) -> FlagSpec? { flags.first { $0.short == short } }
    var visibleFlags: [FlagSpec] { flags.filter { !$0.isHidden } }

    /// What help says of its arguments.
    var arguments: [Rest.Entry] {
        rest?.entries ?? positionals.map { Rest.Entry($0.name, Help.explanation(of: $0)) }
    }
}
