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
            Entry(name: $0.name, summary: $0.summary, flags: $0.visibleFlags, positionals: $0.positionals)
        }
    }
}

extension FlagSpec {
    /// The ways to write it: `--name`, and `-n` where it has a letter.
    var spellings: [String] { ["--\(name)"] + (short.map { ["-\($0)"] } ?? []) }
}
