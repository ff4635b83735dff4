internal import MusterCore

/// Writes of commands and of how far members are with them.
struct CommandWrites {
    /// So many commands that are over are kept.
    private static let historyMax: Int64 = 10_000
    private let insert: Statement
    private let end: Statement
    private let prune: Statement
    private let saveCursor: Statement
    private let dropCursors: Statement

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
            INSERT INTO command_cursor (member, acknowledged, gone_through) VALUES (?, ?, ?)
            ON CONFLICT (member) DO UPDATE SET acknowledged = excluded.acknowledged, gone_through = excluded.gone_through
            """)
        // What a member that left had of commands that are over is kept with those.
        dropCursors = try connection.prepare(
            """
            DELETE FROM command_cursor WHERE member NOT IN (SELECT id FROM member)
                AND NOT EXISTS (SELECT 1 FROM command WHERE ended_ms IS NULL)
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
        try insert.bind(8, command.recipients.map { String($0.rawValue) }.joined(separator: ","))
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
    }

    func save(_ cursor: CommandCursor) throws(StoreError) {
        try saveCursor.bind(1, cursor.member.rawValue)
        try saveCursor.bind(2, cursor.acknowledged.rawValue)
        try saveCursor.bind(3, cursor.goneThrough.rawValue)
        try saveCursor.run()
    }

    func forgetCursors() throws(StoreError) { try dropCursors.run() }
}
