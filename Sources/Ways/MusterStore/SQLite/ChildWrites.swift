internal import MusterCore

/// Writes of children and of their numbers.
struct ChildWrites {
    private let saveChild: Statement
    private let advance: Statement
    private let addBatch: Statement
    private let addTotals: Statement
    private let setSnapshot: Statement
    private let dropBatches: Statement

    init(_ connection: Connection) throws(StoreError) {
        // What is recorded of a child only grows, by its batches: an older record must not take it back.
        saveChild = try connection.prepare(
            """
            INSERT INTO child (id, key, wanted, received, rejected, state, attempt, created_ms, ended_ms, reason, is_foreign)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET state = excluded.state, attempt = excluded.attempt,
                ended_ms = excluded.ended_ms, reason = excluded.reason
            WHERE state NOT IN ('done', 'cancelled')
            """)
        advance = try connection.prepare(
            """
            UPDATE child SET received = received + ?1, rejected = rejected + ?2
            WHERE id = ?3 AND received = ?4 AND state NOT IN ('done', 'cancelled') RETURNING id
            """)
        addBatch = try connection.prepare("INSERT INTO number_batch (numbers) VALUES (?)")
        addTotals = try connection.prepare(
            "UPDATE number_total SET received = received + ?, rejected = rejected + ?")
        setSnapshot = try connection.prepare("UPDATE number_total SET snapshot = ?")
        dropBatches = try connection.prepare("DELETE FROM number_batch WHERE sequence <= ?")
    }

    func save(_ child: ChildRecord) throws(StoreError) {
        try saveChild.bind(1, child.id.rawValue)
        if let key = child.key { try saveChild.bind(2, key) }
        try saveChild.bind(3, child.wanted)
        try saveChild.bind(4, child.received)
        try saveChild.bind(5, child.rejected)
        try saveChild.bind(6, child.state.rawValue)
        try saveChild.bind(7, child.attempt)
        try saveChild.bind(8, child.createdMs)
        if let ended = child.endedMs { try saveChild.bind(9, ended) }
        try saveChild.bind(10, child.reason)
        try saveChild.bind(11, child.isForeign ? 1 : 0)
        try saveChild.run()
    }

    func add(_ batch: NumberBatch) throws(StoreError) {
        try advance.bind(1, batch.count)
        try advance.bind(2, batch.rejected)
        try advance.bind(3, batch.child.rawValue)
        try advance.bind(4, batch.offset)
        defer { advance.reset() }
        guard try advance.step() else {
            throw .conflict("child \(batch.child) is over, or not at \(batch.offset): its numbers are recorded once")
        }
        _ = try advance.step()
        if batch.count > 0 {
            try addBatch.bind(1, batch.serialized)
            try addBatch.run()
        }
        try addTotals.bind(1, batch.count)
        try addTotals.bind(2, batch.rejected)
        try addTotals.run()
    }

    func compact(_ snapshot: [UInt8], through sequence: Int64) throws(StoreError) {
        try setSnapshot.bind(1, snapshot)
        try setSnapshot.run()
        try dropBatches.bind(1, sequence)
        try dropBatches.run()
    }
}
