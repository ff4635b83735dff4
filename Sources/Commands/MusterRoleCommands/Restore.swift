internal import Glibc
internal import MusterBackups
package import MusterCommandLine
internal import MusterCoordinator
internal import MusterPostgres
internal import MusterRole
internal import MusterStore

/// `muster restore FILE`.
package enum RestoreCommand {
    static let file = Positional<String>.text("FILE", "What 'muster backup' made.")

    package static let command = Command(
        name: "restore", summary: "make a coordinator's store out of a backup",
        description: [
            "Makes the store of a coordinator that is to be started with the same --data and --store; no coordinator may run on them, "
                + "and there may be no store yet. It is there whole or not at all. Tokens come out of the backup, where the folder has "
                + "none.",
            "What the coordinator did after the backup was made is forgotten, and nothing that it gave out in that time counts any more: "
                + "a worker's result for a task that was handed out then is refused, members join again, and no id comes twice. Ids "
                + "go on at a much larger number. Work that was lost is done again. What was revoked or cancelled since must be revoked "
                + "or cancelled again.",
        ],
        positionals: [file.spec], flags: [CommonFlags.data.spec, CoordinatorCommand.store.spec] + CommonFlags.always,
        exits: [
            Command.Exit(.data, "The file is no backup, or a damaged one, or one of a newer version."),
            Command.Exit(.noInput, "It cannot be read."),
            Command.Exit(.cannotCreate, "There is a store already, or it cannot be made."),
            Command.Exit(.temporary, "A coordinator runs on that folder, or the disk is full."),
        ],
        examples: [
            Command.Example("muster restore fleet.backup --data /var/lib/muster", "Then start the coordinator."),
            Command.Example("muster restore fleet.backup", "For 'muster up' on this machine, in this folder."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let path = invocation[file]
        var status = stat()
        let isFolder = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        guard !isFolder, access(path, R_OK) == 0 else {
            throw CommandError.system(.noInput, "cannot read \(path)", errno: isFolder ? EISDIR : errno)
        }
        let place = try invocation[CoordinatorCommand.store].map(CoordinatorCommand.storePlace(of:))
        var database: String?
        switch place {
        case .sqlite(let file): database = file
        case .postgres(let url):
            throw CommandError.usage(
                "--store: \(url) is no file; a server's database is restored by the server's own programs")
        case nil: break
        }
        do {
            try Backup.restore(path, data: invocation[CommonFlags.data], database: database)
        } catch let error as StoreError {
            throw CommandError(code(of: error), error.message)
        } catch let error as NodeError {
            throw CommandError(error)
        }
        try invocation.out.line("restored into \(invocation[CommonFlags.data]); start the coordinator on it")
    }

    private static func code(of error: StoreError) -> ExitCode {
        switch error.code {
        case .corrupt, .incompatible: .data
        case .conflict: .cannotCreate
        case .locked, .full, .overloaded: .temporary
        case .unreachable: .unavailable
        case .closed, .io: .cannotCreate
        }
    }
}
