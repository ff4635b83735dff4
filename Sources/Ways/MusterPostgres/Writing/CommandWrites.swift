internal import MusterCore
internal import MusterStore

/// Writes of commands and of how far members are with them.
enum CommandWrites {
    /// So many commands that are over are kept.
    private static let historyMax: Int64 = 10_000
    /// With the end of each so-manieth, what the others left of progress is forgotten.
    private static let forgottenEvery: Int64 = 1_024
    private static let insert = SQL(
        """
        INSERT INTO muster.command (id, sender, sender_name, rank, view, created_ms, text, recipients)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
        """)
    private static let end = SQL("UPDATE muster.command SET ended_ms = $1, exceptions = $2 WHERE id = $3")
    private static let prune = SQL("DELETE FROM muster.command WHERE id <= $1 AND ended_ms IS NOT NULL")
    // Of one member, the last cursor in a list is the greatest that counts.
    private static let saveCursors = SQL(
        """
        INSERT INTO muster.command_cursor AS c (member, acknowledged)
        SELECT member, max(acknowledged) FROM unnest($1::bigint[], $2::bigint[]) AS n (member, acknowledged) GROUP BY member
        ON CONFLICT (member) DO UPDATE SET acknowledged = greatest(c.acknowledged, excluded.acknowledged)
        """)
    private static let saveExceptions = SQL(
        """
        INSERT INTO muster.command_exception (member, first, last, outcome) VALUES ($1, $2, $3, $4)
        ON CONFLICT (member, first) DO UPDATE SET last = excluded.last, outcome = excluded.outcome
        """)
    // Below the oldest open command the cursor of one that is gone says nothing.
    private static let dropCursors = SQL(
        """
        DELETE FROM muster.command_cursor c WHERE NOT EXISTS (SELECT 1 FROM muster.member m WHERE m.id = c.member)
            AND NOT EXISTS (SELECT 1 FROM muster.command WHERE ended_ms IS NULL AND id <= c.acknowledged)
        """)
    private static let dropExceptions = SQL(
        """
        DELETE FROM muster.command_exception e WHERE NOT EXISTS (
            SELECT 1 FROM muster.command WHERE ended_ms IS NULL AND id BETWEEN e.first AND e.last)
        """)

    static func save(_ command: CommandRecord) -> PlannedQuery {
        let id = command.id
        return PlannedQuery(
            insert, .int(id.rawValue), .int(command.sender?.rawValue), .text(command.senderName),
            .int(command.rank.map { Int64($0) }), .int(Int64(command.view)), .int(command.createdMs),
            .text(command.text), .word(command.recipients.map { String($0.rawValue) }.joined(separator: ",")),
            check: .writes(1) { "command \(id) exists already: no id is used twice" })
    }

    static func end(_ over: CommandEnd) -> [PlannedQuery] {
        let exceptions = over.exceptions.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.rawValue)" }
        let queries = [
            PlannedQuery(
                end, .int(over.endedMs), .word(exceptions.joined(separator: ",")), .int(over.id.rawValue)),
            PlannedQuery(prune, .int(over.id.rawValue - historyMax)),
        ]
        return over.id.rawValue.isMultiple(of: forgottenEvery) ? queries + forgetProgress() : queries
    }

    static func save(_ cursors: [CommandCursor]) -> PlannedQuery {
        PlannedQuery(
            saveCursors, .ints(cursors.map(\.member.rawValue)), .ints(cursors.map(\.acknowledged.rawValue)))
    }

    static func save(_ some: CommandExceptions) -> PlannedQuery {
        PlannedQuery(
            saveExceptions, .int(some.member.rawValue), .int(some.commands.lowerBound.rawValue),
            .int(some.commands.upperBound.rawValue), .word(some.outcome.rawValue))
    }

    static func forgetProgress() -> [PlannedQuery] { [PlannedQuery(dropCursors), PlannedQuery(dropExceptions)] }
}
