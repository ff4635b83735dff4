internal import MusterCore
internal import MusterStore

/// Reads of inputs and results.
struct RecordReads {
    let session: ReadSession

    /// What a record counts for beside its bytes, when an answer is filled up to a size.
    private static let recordBytes = 64

    // Both begin at the last record that starts at or before the first task: it covers that task, or nothing does.
    private static let inputs = SQL(
        """
        SELECT first, count, lines FROM muster.input
        WHERE job = $1 AND first < $3 AND first >= coalesce(
            (SELECT max(first) FROM muster.input WHERE job = $1 AND first <= $2), 0)
        ORDER BY first
        """)
    // As each record counts for 64 bytes, no more than $4 of them can fit. Lengths are read without what they are of.
    private static let results = SQL(
        """
        SELECT first, count, is_failure, attempt, worker, body, seconds, votes, output FROM (
            SELECT *, sum(bytes) OVER (ORDER BY first) - bytes AS before FROM (
                SELECT *, octet_length(body)::bigint + octet_length(seconds) + coalesce(octet_length(output), 0) + 64
                    AS bytes
                FROM muster.result
                WHERE job = $1 AND first + count > $2 AND first >= coalesce(
                    (SELECT max(first) FROM muster.result WHERE job = $1 AND first <= $2), 0)
                ORDER BY first LIMIT $4) r) s
        WHERE before <= $3 ORDER BY first
        """)

    func results(of job: JobID, from task: Int, bytesMax: Int) throws(StoreError) -> [ResultRecord] {
        let rows = try session.rows(
            Self.results, .int(job.rawValue), .int(task), .int(max(0, bytesMax)),
            .int(max(0, bytesMax) / Self.recordBytes + 1))
        var records: [ResultRecord] = []
        for row in rows.indices {
            let tasks = try tasks(rows, row, of: job)
            records.append(
                ResultRecord(
                    job: job, first: tasks.lowerBound, count: tasks.count, worker: rows.text(row, 4),
                    attempt: rows.int(row, 3),
                    outcome: rows.flag(row, 2) ? .failure(rows.text(row, 5)) : .values(lines: rows.bytes(row, 5)),
                    secondsLines: rows.bytes(row, 6), votes: rows.isNull(row, 7) ? nil : rows.int(row, 7),
                    output: rows.isNull(row, 8) ? nil : rows.bytes(row, 8)))
        }
        return records
    }

    func inputs(of job: JobID, _ range: Range<Int>) throws(StoreError) -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let rows = try session.rows(
            Self.inputs, .int(job.rawValue), .int(range.lowerBound), .int(range.upperBound))
        var lines: [UInt8] = []
        var next = range.lowerBound
        for row in rows.indices where next < range.upperBound {
            let tasks = try tasks(rows, row, of: job)
            guard tasks.contains(next) else { break }
            let last = min(tasks.upperBound, range.upperBound)
            let bytes = rows.raw(row, 2)
            guard let from = Lines.skip(next - tasks.lowerBound, in: bytes, from: 0),
                let to = last == tasks.upperBound ? bytes.count : Lines.skip(last - next, in: bytes, from: from)
            else { break }
            lines.append(contentsOf: bytes[from..<to])
            next = last
        }
        guard next == range.upperBound else {
            throw .conflict("job \(job) has no input stored for task \(next), asked for \(range)")
        }
        return lines
    }

    /// The tasks of a record, from its first two columns.
    private func tasks(_ rows: Rows, _ row: Int, of job: JobID) throws(StoreError) -> Range<Int> {
        let (first, count) = (rows.int(row, 0), rows.int(row, 1))
        let (end, overflow) = first.addingReportingOverflow(count)
        guard first >= 0, count >= 1, !overflow else {
            throw .damaged(session.place, "job \(job) has a record of \(count) tasks from \(first)")
        }
        return first..<end
    }
}
