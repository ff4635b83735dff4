internal import MusterCore
internal import MusterMembership

/// Reads of commands and of how far members are with them.
struct CommandReads {
    private let path: String
    private let one: Statement
    private let newest: Statement
    private let open: Statement
    private let allCursors: Statement
    private let allExceptions: Statement

    init(_ connection: Connection) throws(StoreError) {
        path = connection.path
        one = try connection.prepare(
            """
            SELECT id, sender, sender_name, rank, view, created_ms, ended_ms, text, recipients, exceptions FROM command
            WHERE id = ?
            """)
        newest = try connection.prepare(
            """
            SELECT id, sender, sender_name, rank, view, created_ms, ended_ms, text, recipients, exceptions FROM command
            WHERE id < ?1 OR ?1 IS NULL ORDER BY id DESC LIMIT ?2
            """)
        open = try connection.prepare(
            """
            SELECT id, sender, sender_name, rank, view, created_ms, ended_ms, text, recipients, exceptions FROM command
            WHERE ended_ms IS NULL ORDER BY id
            """)
        allCursors = try connection.prepare("SELECT member, acknowledged FROM command_cursor ORDER BY member")
        allExceptions = try connection.prepare(
            "SELECT member, first, last, outcome FROM command_exception ORDER BY member, first")
    }

    func command(_ id: CommandID) throws(StoreError) -> StoredCommand? {
        try one.bind(1, id.rawValue)
        return try rows(of: one).first
    }

    func commands(before: CommandID?, limit: Int) throws(StoreError) -> [StoredCommand] {
        if let before { try newest.bind(1, before.rawValue) }
        try newest.bind(2, max(0, limit))
        return try rows(of: newest)
    }

    func openCommands() throws(StoreError) -> [CommandRecord] { try rows(of: open).map(\.record) }

    func progress() throws(StoreError) -> CommandProgress {
        defer { allCursors.reset() }
        var found = CommandProgress()
        while try allCursors.step() {
            found.cursors.append(
                CommandCursor(
                    member: MemberID(allCursors.int64(0)), acknowledged: CommandID(allCursors.int64(1))))
        }
        found.exceptions = try exceptions()
        return found
    }

    private func exceptions() throws(StoreError) -> [CommandExceptions] {
        defer { allExceptions.reset() }
        var found: [CommandExceptions] = []
        while try allExceptions.step() {
            let (member, first, last) = (allExceptions.int64(0), allExceptions.int64(1), allExceptions.int64(2))
            guard first <= last, let outcome = CommandOutcome(rawValue: allExceptions.text(3)) else {
                let told = String(reflecting: allExceptions.text(3))
                throw .corrupt(path, "member \(member) has the outcome \(told) of the commands \(first) to \(last)")
            }
            found.append(
                CommandExceptions(
                    member: MemberID(member), commands: CommandID(first)...CommandID(last), outcome: outcome))
        }
        return found
    }

    private func rows(of statement: Statement) throws(StoreError) -> [StoredCommand] {
        defer { statement.reset() }
        var found: [StoredCommand] = []
        while try statement.step() { found.append(try command(in: statement)) }
        return found
    }

    private func command(in row: Statement) throws(StoreError) -> StoredCommand {
        let id = CommandID(row.int64(0))
        let record = CommandRecord(
            id: id, sender: row.isNull(1) ? nil : MemberID(row.int64(1)), senderName: row.text(2),
            rank: row.isNull(3) ? nil : row.int(3), view: UInt64(max(0, row.int64(4))), text: row.text(7),
            recipients: try members(row.text(8), of: id), createdMs: row.int64(5))
        guard !row.isNull(6) else { return StoredCommand(record: record, end: nil) }
        var exceptions: [MemberID: CommandOutcome] = [:]
        for part in row.text(9).split(separator: ",") {
            let words = part.split(separator: "=")
            guard words.count == 2, let member = Int64(words[0]),
                let outcome = CommandOutcome(rawValue: String(words[1]))
            else { throw .corrupt(path, "command \(id) has the outcome \(String(reflecting: String(part)))") }
            exceptions[MemberID(member)] = outcome
        }
        return StoredCommand(
            record: record, end: CommandEnd(id: id, exceptions: exceptions, endedMs: row.int64(6)))
    }

    private func members(_ text: String, of id: CommandID) throws(StoreError) -> [MemberID] {
        try text.split(separator: ",").map { (part) throws(StoreError) in
            guard let member = Int64(part) else {
                throw .corrupt(path, "command \(id) has the recipient \(String(reflecting: String(part)))")
            }
            return MemberID(member)
        }
    }
}
