internal import MusterCore
internal import MusterMembership
internal import MusterStore

/// Reads of commands and of how far members are with them.
struct CommandReads {
    let session: ReadSession

    private static func commands(_ which: String) -> SQL {
        SQL(
            """
            SELECT id, sender, sender_name, rank, view, created_ms, ended_ms, text, recipients, exceptions
            FROM muster.command \(which)
            """)
    }

    private static let one = commands("WHERE id = $1")
    private static let newest = commands("WHERE id < $1 OR $1 IS NULL ORDER BY id DESC LIMIT $2")
    private static let open = commands("WHERE ended_ms IS NULL ORDER BY id")
    private static let allCursors = SQL("SELECT member, acknowledged FROM muster.command_cursor ORDER BY member")
    private static let allExceptions = SQL(
        "SELECT member, first, last, outcome FROM muster.command_exception ORDER BY member, first")

    func command(_ id: CommandID) throws(StoreError) -> StoredCommand? {
        try commands(session.rows(Self.one, .int(id.rawValue))).first
    }

    func commands(before: CommandID?, limit: Int) throws(StoreError) -> [StoredCommand] {
        try commands(session.rows(Self.newest, .int(before?.rawValue), .int(max(0, limit))))
    }

    func openCommands() throws(StoreError) -> [CommandRecord] { try commands(session.rows(Self.open)).map(\.record) }

    func progress() throws(StoreError) -> CommandProgress {
        let found = try session.all([Query(Self.allCursors), Query(Self.allExceptions)])
        let (cursors, exceptions) = (found[0], found[1])
        var progress = CommandProgress()
        progress.cursors = cursors.indices.map {
            CommandCursor(
                member: MemberID(cursors.int64($0, 0)), acknowledged: CommandID(cursors.int64($0, 1)))
        }
        for row in exceptions.indices {
            let (member, first, last) = (
                exceptions.int64(row, 0), exceptions.int64(row, 1), exceptions.int64(row, 2)
            )
            guard first <= last, let outcome = CommandOutcome(rawValue: exceptions.text(row, 3)) else {
                let told = String(reflecting: exceptions.text(row, 3))
                throw .damaged(
                    session.place, "member \(member) has the outcome \(told) of the commands \(first) to \(last)")
            }
            progress.exceptions.append(
                CommandExceptions(
                    member: MemberID(member), commands: CommandID(first)...CommandID(last), outcome: outcome))
        }
        return progress
    }

    private func commands(_ rows: Rows) throws(StoreError) -> [StoredCommand] {
        var found: [StoredCommand] = []
        for row in rows.indices { found.append(try command(rows, row)) }
        return found
    }

    private func command(_ rows: Rows, _ row: Int) throws(StoreError) -> StoredCommand {
        let id = CommandID(rows.int64(row, 0))
        let record = CommandRecord(
            id: id, sender: rows.isNull(row, 1) ? nil : MemberID(rows.int64(row, 1)),
            senderName: rows.text(row, 2), rank: rows.isNull(row, 3) ? nil : rows.int(row, 3),
            view: UInt64(max(0, rows.int64(row, 4))), text: rows.text(row, 7),
            recipients: try members(rows.text(row, 8), of: id), createdMs: rows.int64(row, 5))
        guard !rows.isNull(row, 6) else { return StoredCommand(record: record, end: nil) }
        var exceptions: [MemberID: CommandOutcome] = [:]
        for part in rows.text(row, 9).split(separator: ",") {
            let words = part.split(separator: "=")
            guard words.count == 2, let member = Int64(words[0]),
                let outcome = CommandOutcome(rawValue: String(words[1]))
            else {
                throw .damaged(
                    session.place, "command \(id) has the outcome \(String(reflecting: String(part)))")
            }
            exceptions[MemberID(member)] = outcome
        }
        return StoredCommand(
            record: record, end: CommandEnd(id: id, exceptions: exceptions, endedMs: rows.int64(row, 6)))
    }

    private func members(_ text: String, of id: CommandID) throws(StoreError) -> [MemberID] {
        try text.split(separator: ",").map { (part) throws(StoreError) in
            guard let member = Int64(part) else {
                throw .damaged(session.place, "command \(id) has the recipient \(String(reflecting: String(part)))")
            }
            return MemberID(member)
        }
    }
}
