package import MusterCommandLine
internal import MusterPostgres
internal import MusterStore

/// `muster store copy FROM TO`.
package enum StoreCommand {
    static let action = Positional<String>.text("ACTION", as: .choice(["copy"], reserved: []), "What to do.")
    static let from = Positional<String>.text("FROM", "The store that there is: sqlite:PATH, or postgres://…")
    static let to = Positional<String>.text("TO", "Where it is to be: a file, or a database, that has none yet.")

    package static let command = Command(
        name: "store", summary: "move a coordinator's store to PostgreSQL, or back",
        description: [
            "Copies all that a coordinator keeps (jobs, inputs, results, votes, members, commands, children and their numbers) into another "
                + "database, in one transaction: it is there whole or not at all, whatever ends the command. The old one is only read. No "
                + "coordinator may run on either. Tokens are in the coordinator's folder, and stay there.",
            "Then start the coordinator with the same --data and with --store TO.",
        ],
        positionals: [action.spec, from.spec, to.spec], flags: CommonFlags.always,
        exits: [
            Command.Exit(.data, "A database is damaged, or a newer version's, or another program's."),
            Command.Exit(.noInput, "There is no store at FROM."),
            Command.Exit(.cannotCreate, "There is a store at TO already, or it cannot be made."),
            Command.Exit(.unavailable, "A coordinator runs on one of them, or a server is away."),
            Command.Exit(.temporary, "The disk is full."), Command.Exit(.inputOutput),
        ],
        examples: [
            Command.Example(
                "muster store copy sqlite:/var/lib/muster/coordinator/muster.sqlite postgres://muster@db/fleet",
                "To a server; the password is in ~/.pgpass."),
            Command.Example("muster store copy postgres://muster@db/fleet sqlite:fleet.sqlite", "And back."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let places = try [from, to].map { try place(invocation[$0]) }
        let bar = invocation.progress("copy", total: nil)
        defer { bar.finish() }
        let rows: Int
        do {
            rows = try StoreCopy.copy(places[0], to: places[1]) { done, total in
                bar.update(total: total)
                bar.update(done: done)
            }
        } catch {
            let isMissing = error.code == .conflict && (try? StoreCopy.isThere(places[0])) == false
            throw CommandError(isMissing ? .noInput : code(of: error), error.message)
        }
        bar.finish()
        try invocation.out.line("copied \(rows) rows to \(places[1]); start the coordinator with it as --store")
    }

    private static func place(_ text: String) throws(CommandError) -> StorePlace {
        do throws(StoreError) { return try StorePlace(text) } catch { throw .usage(error.message) }
    }

    private static func code(of error: StoreError) -> ExitCode {
        switch error.code {
        case .corrupt, .incompatible: .data
        case .conflict: .cannotCreate
        case .locked, .unreachable: .unavailable
        case .full, .overloaded: .temporary
        case .closed, .io: .inputOutput
        }
    }
}
