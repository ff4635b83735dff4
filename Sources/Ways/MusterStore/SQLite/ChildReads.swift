internal import MusterCore
internal import MusterLaunchRules

/// Reads of children and of their numbers.
struct ChildReads {
    private let path: String
    private let one: Statement
    private let newest: Statement
    private let unfinished: Statement
    private let ofKey: Statement
    private let totals: Statement
    private let counters: Statement
    private let batches: Statement

    init(_ connection: Connection) throws(StoreError) {
        path = connection.path
        one = try connection.prepare("SELECT * FROM child WHERE id = ?")
        newest = try connection.prepare("SELECT * FROM child WHERE id < ?1 OR ?1 IS NULL ORDER BY id DESC LIMIT ?2")
        unfinished = try connection.prepare("SELECT * FROM child WHERE state IN ('queued', 'running') ORDER BY id")
        ofKey = try connection.prepare("SELECT * FROM child WHERE key = ? ORDER BY id")
        totals = try connection.prepare(
            """
            SELECT received, rejected, snapshot,
                (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'number_batch') FROM number_total
            """)
        // One that was launched again died before. Who is cancelled while it runs did not die.
        counters = try connection.prepare(
            """
            SELECT coalesce(sum(state = 'done'), 0), coalesce(sum(state = 'failed'), 0),
                coalesce(sum(state = 'cancelled'), 0), coalesce(sum(attempt), 0),
                coalesce(sum(CASE WHEN state IN ('queued', 'failed') THEN attempt ELSE max(attempt - 1, 0) END), 0)
            FROM child
            """)
        batches = try connection.prepare("SELECT numbers FROM number_batch ORDER BY sequence")
    }

    func child(_ id: ChildID) throws(StoreError) -> ChildRecord? {
        try one.bind(1, id.rawValue)
        return try rows(of: one).first
    }

    func children(before: ChildID?, limit: Int) throws(StoreError) -> [ChildRecord] {
        if let before { try newest.bind(1, before.rawValue) }
        try newest.bind(2, max(0, limit))
        return try rows(of: newest)
    }

    func unfinishedChildren() throws(StoreError) -> [ChildRecord] { try rows(of: unfinished) }

    func children(key: String) throws(StoreError) -> [ChildRecord] {
        try ofKey.bind(1, key)
        return try rows(of: ofKey)
    }

    func childCounters() throws(StoreError) -> Children.Counters {
        defer { counters.reset() }
        var sums = Children.Counters()
        guard try counters.step() else { return sums }
        (sums.done, sums.failed, sums.cancelled) = (counters.int(0), counters.int(1), counters.int(2))
        (sums.launched, sums.died) = (counters.int(3), counters.int(4))
        return sums
    }

    func numbers() throws(StoreError) -> StoredNumbers {
        defer {
            totals.reset()
            batches.reset()
        }
        guard try totals.step() else { throw .corrupt(path, "the table number_total is empty") }
        var stored = StoredNumbers(
            snapshot: totals.isNull(2) ? nil : totals.bytes(2), log: [], lastSequence: totals.int64(3),
            received: totals.int(0), rejected: totals.int(1))
        while try batches.step() { stored.log.append(batches.bytes(0)) }
        return stored
    }

    private func rows(of statement: Statement) throws(StoreError) -> [ChildRecord] {
        defer { statement.reset() }
        var records: [ChildRecord] = []
        while try statement.step() { records.append(try record(statement)) }
        return records
    }

    /// The columns in the order of the table.
    private func record(_ row: Statement) throws(StoreError) -> ChildRecord {
        let id = ChildID(row.int64(0))
        guard let state = ChildState(rawValue: row.text(5)) else {
            throw .corrupt(path, "child \(id) has the state \(String(reflecting: row.text(5)))")
        }
        var record = ChildRecord(
            id: id, key: row.isNull(1) ? nil : row.text(1), wanted: row.int(2), createdMs: row.int64(7))
        (record.received, record.rejected, record.attempt) = (row.int(3), row.int(4), row.int(6))
        (record.state, record.reason) = (state, row.text(9))
        record.isForeign = row.int64(10) != 0
        record.endedMs = row.isNull(8) ? nil : row.int64(8)
        return record
    }
}
