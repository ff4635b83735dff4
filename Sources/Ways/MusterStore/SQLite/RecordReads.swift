internal import MusterCore

/// Reads of inputs and results.
struct RecordReads {
    private let inputs: Statement
    private let results: Statement

    init(_ connection: Connection) throws(StoreError) {
        // Both begin at the last record that starts at or before the first task: it covers that task, or nothing does.
        inputs = try connection.prepare(
            """
            SELECT first, count, lines FROM input
            WHERE job = ?1 AND first < ?3
                AND first >= coalesce((SELECT max(first) FROM input WHERE job = ?1 AND first <= ?2), 0)
            ORDER BY first
            """)
        results = try connection.prepare(
            """
            SELECT first, count, is_failure, attempt, worker, body, seconds, votes, output FROM result
            WHERE job = ?1
                AND first >= coalesce((SELECT max(first) FROM result WHERE job = ?1 AND first <= ?2), 0)
            ORDER BY first
            """)
    }

    /// What a record counts for beside its bytes, when an answer is filled up to a size.
    static let recordBytes = 64

    func results(of job: JobID, from task: Int, bytesMax: Int) throws(StoreError) -> [ResultRecord] {
        defer { results.reset() }
        try results.bind(1, job.rawValue)
        try results.bind(2, task)
        var records: [ResultRecord] = []
        var bytes = 0
        while records.isEmpty || bytes <= bytesMax, try results.step() {
            let tasks = try results.tasks(0, of: job.rawValue)
            guard tasks.upperBound > task else { continue }
            let isFailure = results.int64(2) != 0
            let record = ResultRecord(
                job: job, first: tasks.lowerBound, count: tasks.count, worker: results.text(4), attempt: results.int(3),
                outcome: isFailure ? .failure(results.text(5)) : .values(lines: results.bytes(5)),
                secondsLines: results.bytes(6), votes: results.isNull(7) ? nil : results.int(7),
                output: results.isNull(8) ? nil : results.bytes(8))
            bytes += results.raw(5).count + results.raw(6).count + (record.output?.count ?? 0) + RecordReads.recordBytes
            records.append(record)
        }
        return records
    }

    func inputs(of job: JobID, _ range: Range<Int>) throws(StoreError) -> [UInt8] {
        guard !range.isEmpty else { return [] }
        defer { inputs.reset() }
        try inputs.bind(1, job.rawValue)
        try inputs.bind(2, range.lowerBound)
        try inputs.bind(3, range.upperBound)
        var lines: [UInt8] = []
        var next = range.lowerBound
        while next < range.upperBound, try inputs.step() {
            let tasks = try inputs.tasks(0, of: job.rawValue)
            guard tasks.contains(next) else { break }
            let last = min(tasks.upperBound, range.upperBound)
            let bytes = UnsafeRawBufferPointer(inputs.raw(2))
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
}
