internal import MusterCommandLine
internal import MusterRole
internal import MusterSystem

/// `muster manual`.
enum ManualCommand {
    static let topic = Positional<String?>.optional(
        "COMMAND", "The command whose page to print; without it, the program's.")
    static let format = Flag<String>.text(
        "format", "FORMAT", as: .choice(Manual.Format.allCases.map(\.rawValue), reserved: []),
        default: Manual.Format.man.rawValue,
        "For man (a page for each command), or one Markdown page of all of them.")
    static let output = Flag<String?>.text(
        "output", short: "o", "DIR", as: .directory,
        "Write all pages into this folder, which is made if missing, instead of one to standard output.")

    static let command = Command(
        name: "manual", summary: "print or write the manual's pages",
        description: [
            "Prints a page of the manual, or with --output writes all of them: muster.1 and muster-COMMAND.1 for man, cli.md in "
                + "Markdown. They are made from the same table as --help.",
            "The day at the foot of a page is that of SOURCE_DATE_EPOCH, else today.",
        ],
        positionals: [topic.spec], flags: [format.spec, output.spec] + CommonFlags.always,
        exits: [
            Command.Exit(.cannotCreate, "The folder or a page cannot be made."), Command.Exit(.inputOutput),
        ],
        examples: [
            Command.Example("muster manual submit | man -l -", "A page, read at once."),
            Command.Example("muster manual --output /usr/local/share/man/man1", "All pages, where man finds them."),
            Command.Example("muster manual --format markdown --output docs/reference", "One page of all commands."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        guard let format = Manual.Format(rawValue: invocation[format]) else {
            preconditionFailure("parsing admits the formats only")
        }
        let epoch = invocation.environment["SOURCE_DATE_EPOCH"].flatMap { Int64($0) }
        let date = CivilTime(epoch.map { $0 * 1_000 } ?? SystemTime.wallClockMs()).date
        let table = invocation.table
        if let directory = invocation[output] {
            guard invocation[topic] == nil else { throw CommandError.usage("COMMAND and --output exclude each other") }
            return try write(Manual.files(format, of: table, date: date), to: directory)
        }
        if let name = invocation[topic] {
            guard format == .man else {
                throw CommandError.usage("--format markdown makes one page of all commands, not one of \(name)")
            }
            return try invocation.out.write(Manual.page(of: table.lookUp(name), in: table, date: date))
        }
        try invocation.out.write(Manual.files(format, of: table, date: date)[0].text)
    }

    private static func write(_ files: [Manual.File], to directory: String) throws {
        do throws(NodeError) {
            // For everybody to read.
            try makeDirectory(directory, mode: 0o777)
        } catch {
            throw CommandError(.cannotCreate, error.message)
        }
        for file in files {
            let page = try NewFile("\(directory)/\(file.name)")
            try page.write(Array(file.text.utf8))
            try page.keep()
        }
    }
}
