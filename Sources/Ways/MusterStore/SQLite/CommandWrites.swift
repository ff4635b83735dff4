internal import MusterCore
internal import MusterMembership

/// Writes of commands and of how far members are with them.
struct CommandWrites {
    /// So many commands that are over are kept.
    private static let historyMax: Int64 = 10_000
    /// With the end of each so-manieth, what the others left of progress is forgotten.
    private static let forgottenEvery: Int64 = 1_024
    private let insert: Statement
    private let end: Statement
    private let prune: Statement
    private let saveCursor: Statement
    private let saveExceptions: Statement
    private let dropCursors: Statement
    private let dropExceptions: Statement
    private let recipients = RecipientsColumn()

    init(_ connection: Connection) throws(StoreError) {
        insert = try connection.prepare(
            """
            INSERT INTO command (id, sender, sender_name, rank, view, created_ms, text, recipients)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """)
        end = try connection.prepare("UPDATE command SET ended_ms = ?, exceptions = ? WHERE id = ?")
        prune = try connection.prepare("DELETE FROM command WHERE id <= ? AND ended_ms IS NOT NULL")
        saveCursor = try connection.prepare(
            """
            INSERT INTO command_cursor (member, acknowledged) VALUES (?, ?)
            ON CONFLICT (member) DO UPDATE SET acknowledged = max(acknowledged, excluded.acknowledged)
            """)
        saveExceptions = try connection.prepare(
            """
            INSERT INTO command_exception (member, first, last, outcome) VALUES (?, ?, ?, ?)
            ON CONFLICT (member, first) DO UPDATE SET last = excluded.last, outcome = excluded.outcome
            """)
        // Below the oldest open command the cursor of one that is gone says nothing.
        dropCursors = try connection.prepare(
            """
            DELETE FROM command_cursor WHERE member NOT IN (SELECT id FROM member)
                AND NOT EXISTS (SELECT 1 FROM command WHERE ended_ms IS NULL AND id <= acknowledged)
            """)
        dropExceptions = try connection.prepare(
            """
            DELETE FROM command_exception
            WHERE NOT EXISTS (SELECT 1 FROM command WHERE ended_ms IS NULL AND id BETWEEN first AND last)
            """)
    }

    func save(_ command: CommandRecord) throws(StoreError) {
        try insert.bind(1, command.id.rawValue)
        if let sender = command.sender { try insert.bind(2, sender.rawValue) }
        try insert.bind(3, command.senderName)
        if let rank = command.rank { try insert.bind(4, rank) }
        try insert.bind(5, Int64(command.view))
        try insert.bind(6, command.createdMs)
        try insert.bind(7, command.text)
        try insert.bind(8, recipients.text(of: command.recipients))
        try insert.run()
    }

    func end(_ over: CommandEnd) throws(StoreError) {
        try end.bind(1, over.endedMs)
        try end.bind(
            2,
            over.exceptions.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.rawValue)" }.joined(separator: ","))
        try end.bind(3, over.id.rawValue)
        try end.run()
        try prune.bind(1, over.id.rawValue - Self.historyMax)
        try prune.run()
        if over.id.rawValue.isMultiple(of: Self.forgottenEvery) { try forgetProgress() }
    }

    func save(_ cursors: [CommandCursor]) throws(StoreError) {
        for cursor in cursors {
            try saveCursor.bind(1, cursor.member.rawValue)
            try saveCursor.bind(2, cursor.acknowledged.rawValue)
            try saveCursor.run()
        }
    }

    func save(_ some: CommandExceptions) throws(StoreError) {
        try saveExceptions.bind(1, some.member.rawValue)
        try saveExceptions.bind(2, some.commands.lowerBound.rawValue)
        try saveExceptions.bind(3, some.commands.upperBound.rawValue)
        try saveExceptions.bind(4, some.outcome.rawValue)
        try saveExceptions.run()
    }

    func forgetProgress() throws(StoreError) {
        try dropCursors.run()
        try dropExceptions.run()
    }
}

/// The column that tells to whom a command goes. One command after the other goes to the same many.
private final class RecipientsColumn {
    private var latest: (ids: [MemberID], text: String) = ([], "")

    func text(of ids: [MemberID]) -> String {
        if ids != latest.ids { latest = (ids, ids.map { String($0.rawValue) }.joined(separator: ",")) }
        return latest.text
    }
}
