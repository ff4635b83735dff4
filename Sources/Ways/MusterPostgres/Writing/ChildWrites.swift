internal import MusterCore
internal import MusterStore

/// Writes of children and of their numbers.
enum ChildWrites {
    // What is recorded of a child only grows, by its batches: an older record must not take it back.
    private static let saveChild = SQL(
        """
        INSERT INTO muster.child AS c (id, key, wanted, received, rejected, state, attempt, created_ms, ended_ms, reason,
            is_foreign)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, attempt = excluded.attempt,
            ended_ms = excluded.ended_ms, reason = excluded.reason
        WHERE c.state NOT IN ('done', 'cancelled')
        """)
    private static let advance = SQL(
        """
        UPDATE muster.child SET received = received + $1, rejected = rejected + $2
        WHERE id = $3 AND received = $4 AND state NOT IN ('done', 'cancelled')
        """)
    private static let addTotals = SQL(
        """
        UPDATE muster.number_total SET received = received + $1, rejected = rejected + $2,
            last_sequence = last_sequence + CASE WHEN $1 > 0 THEN 1 ELSE 0 END
        """)
    private static let addBatch = SQL(
        "INSERT INTO muster.number_batch (sequence, numbers) SELECT last_sequence, $1 FROM muster.number_total")
    private static let setSnapshot = SQL("UPDATE muster.number_total SET snapshot = $1")
    private static let dropBatches = SQL("DELETE FROM muster.number_batch WHERE sequence <= $1")

    static func save(_ child: ChildRecord) -> PlannedQuery {
        PlannedQuery(
            saveChild, .int(child.id.rawValue), .text(child.key), .int(child.wanted), .int(child.received),
            .int(child.rejected), .word(child.state.rawValue), .int(child.attempt), .int(child.createdMs),
            .int(child.endedMs), .text(child.reason), .flag(child.isForeign))
    }

    static func add(_ batch: NumberBatch) -> [PlannedQuery] {
        let (child, offset) = (batch.child, batch.offset)
        var queries = [
            PlannedQuery(
                advance, .int(batch.count), .int(batch.rejected), .int(child.rawValue), .int(offset),
                check: .writes(1) { "child \(child) is over, or not at \(offset): its numbers are recorded once" }),
            PlannedQuery(addTotals, .int(batch.count), .int(batch.rejected)),
        ]
        if batch.count > 0 { queries.append(PlannedQuery(addBatch, .bytes(batch.serialized))) }
        return queries
    }

    static func compact(_ snapshot: [UInt8], through sequence: Int64) -> [PlannedQuery] {
        [PlannedQuery(setSnapshot, .bytes(snapshot)), PlannedQuery(dropBatches, .int(sequence))]
    }
}
