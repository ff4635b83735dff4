internal import MusterCore
internal import MusterLaunchRules
internal import MusterStore

/// Reads of children and of their numbers.
struct ChildReads {
    let session: ReadSession

    private static func children(_ which: String) -> SQL {
        SQL(
            """
            SELECT id, key, wanted, received, rejected, state, attempt, created_ms, ended_ms, reason, is_foreign
            FROM muster.child \(which)
            """)
    }

    private static let one = children("WHERE id = $1")
    private static let newest = children("WHERE id < $1 OR $1 IS NULL ORDER BY id DESC LIMIT $2")
    private static let unfinished = children("WHERE state IN ('queued', 'running') ORDER BY id")
    private static let ofKey = children("WHERE key = $1 ORDER BY id")
    private static let totals = SQL("SELECT received, rejected, snapshot, last_sequence FROM muster.number_total")
    private static let batches = SQL("SELECT numbers FROM muster.number_batch ORDER BY sequence")
    // One that was launched again died before. Who is cancelled while it runs did not die.
    private static let counters = SQL(
        """
        SELECT count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'failed'),
            count(*) FILTER (WHERE state = 'cancelled'), coalesce(sum(attempt), 0)::bigint,
            coalesce(sum(CASE WHEN state IN ('queued', 'failed') THEN attempt ELSE greatest(attempt - 1, 0) END), 0)::bigint
        FROM muster.child
        """)

    func child(_ id: ChildID) throws(StoreError) -> ChildRecord? {
        try records(session.rows(Self.one, .int(id.rawValue))).first
    }

    func children(before: ChildID?, limit: Int) throws(StoreError) -> [ChildRecord] {
        try records(session.rows(Self.newest, .int(before?.rawValue), .int(max(0, limit))))
    }

    func unfinishedChildren() throws(StoreError) -> [ChildRecord] { try records(session.rows(Self.unfinished)) }

    func children(key: String) throws(StoreError) -> [ChildRecord] {
        try records(session.rows(Self.ofKey, .text(key)))
    }

    func childCounters() throws(StoreError) -> Children.Counters {
        let rows = try session.rows(Self.counters)
        var sums = Children.Counters()
        (sums.done, sums.failed, sums.cancelled) = (rows.int(0, 0), rows.int(0, 1), rows.int(0, 2))
        (sums.launched, sums.died) = (rows.int(0, 3), rows.int(0, 4))
        return sums
    }

    func numbers() throws(StoreError) -> StoredNumbers {
        let found = try session.all([Query(Self.totals), Query(Self.batches)])
        let (totals, batches) = (found[0], found[1])
        guard totals.count == 1 else {
            throw .damaged(session.place, "the table number_total has \(totals.count) rows")
        }
        return StoredNumbers(
            snapshot: totals.isNull(0, 2) ? nil : totals.bytes(0, 2), log: batches.indices.map { batches.bytes($0, 0) },
            lastSequence: totals.int64(0, 3), received: totals.int(0, 0), rejected: totals.int(0, 1))
    }

    private func records(_ rows: Rows) throws(StoreError) -> [ChildRecord] {
        var records: [ChildRecord] = []
        for row in rows.indices {
            let id = ChildID(rows.int64(row, 0))
            guard let state = ChildState(rawValue: rows.text(row, 5)) else {
                throw .damaged(session.place, "child \(id) has the state \(String(reflecting: rows.text(row, 5)))")
            }
            var record = ChildRecord(
                id: id, key: rows.isNull(row, 1) ? nil : rows.text(row, 1), wanted: rows.int(row, 2),
                createdMs: rows.int64(row, 7))
            (record.received, record.rejected, record.attempt) = (
                rows.int(row, 3), rows.int(row, 4), rows.int(row, 6)
            )
            (record.state, record.reason) = (state, rows.text(row, 9))
            record.isForeign = rows.flag(row, 10)
            record.endedMs = rows.isNull(row, 8) ? nil : rows.int64(row, 8)
            records.append(record)
        }
        return records
    }
}
