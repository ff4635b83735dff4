/// What the three shells' scripts say, in the shells' common terms.
struct CompletionModel {
    struct Entry {
        let name: String
        let summary: String
        let flags: [FlagSpec]
        let positionals: [PositionalSpec]
    }

    let program: String
    let version: String
    let entries: [Entry]

    init(_ table: CommandTable) {
        program = table.program
        version = table.version
        entries = table.commands.map {
            Entry(
                name: $0.name, summary: $0.summary, flags: $0.visibleFlags,
                positionals: $0.rest == nil ? $0.positionals : [Self.anyFiles])
        }
    }

    /// Words of one's own are names of files as often as not.
    private static let anyFiles = PositionalSpec(name: "WORD", kind: .file, summary: "", arity: .variadic)
}

extension FlagSpec {
    /// The ways to write it: `--name`, and `-n` where it has a letter.
    var spellings: [String] { ["--\(name)"] + (short.map { ["-\($0)"] } ?? []) }
}
