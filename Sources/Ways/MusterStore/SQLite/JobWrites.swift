internal import MusterCore
internal import RunRules

/// Writes of jobs, their inputs and results.
struct JobWrites {
    private let insertJob: Statement
    private let jobBounds: Statement
    private let insertInput: Statement
    private let inputBefore: Statement
    private let insertResult: Statement
    private let resultBefore: Statement
    private let scan: Statement
    private let endJob: Statement
    private let insertWorker: Statement
    private let unfinished: UnfinishedMark
    private let reopenJob: Statement
    private let releaseJob: Statement
    private let explainJob: Statement
    private let removeFailures: Statement
    private let removeWorkers: Statement

    init(_ connection: Connection) throws(StoreError) {
        insertJob = try connection.prepare(
            """
            INSERT INTO job (id, count, has_inputs, attempts_max, created_ms, priority, kernel, params, quorum,
                is_deterministic, retry_delay_ms, at_most, may_copy, name, timeout_seconds, request_key, request_digest,
                is_open, needs, start_delay_ms, after, is_held, owner, reruns, halt)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO NOTHING RETURNING id
            """)
        jobBounds = try connection.prepare("SELECT count, state FROM job WHERE id = ?")
        insertInput = try connection.prepare("INSERT INTO input (job, first, count, lines) VALUES (?, ?, ?, ?)")
        // Records do not overlap: the last one that begins before an end also ends last of those.
        inputBefore = try connection.prepare(
            "SELECT first, count FROM input WHERE job = ? AND first < ? ORDER BY first DESC LIMIT 1")
        insertResult = try connection.prepare(
            """
            INSERT INTO result (job, first, count, is_failure, attempt, worker, body, seconds, votes, output)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        resultBefore = try connection.prepare(
            "SELECT first, count FROM result WHERE job = ? AND first < ? ORDER BY first DESC LIMIT 1")
        scan = try connection.prepare(Tally.sql)
        endJob = try connection.prepare("UPDATE job SET state = ?, ended_ms = ?, done = ?, failed = ? WHERE id = ?")
        insertWorker = try connection.prepare("INSERT INTO job_worker (job, worker, tasks) VALUES (?, ?, ?)")
        unfinished = try UnfinishedMark(connection)
        reopenJob = try connection.prepare(
            """
            UPDATE job SET state = NULL, ended_ms = NULL, done_before = done, done = NULL, failed = NULL, reason = ''
            WHERE id = ? AND state IS NOT NULL RETURNING id
            """)
        releaseJob = try connection.prepare("UPDATE job SET is_held = 0 WHERE id = ?")
        explainJob = try connection.prepare("UPDATE job SET reason = ?2 WHERE id = ?1")
        removeFailures = try connection.prepare("DELETE FROM result WHERE job = ? AND is_failure = 1")
        removeWorkers = try connection.prepare("DELETE FROM job_worker WHERE job = ?")
    }

    func create(_ job: JobRecord) throws(StoreError) {
        defer { insertJob.reset() }
        try insertJob.bind(1, job.id.rawValue)
        try insertJob.bind(2, job.count)
        try insertJob.bind(3, job.hasInputs ? 1 : 0)
        try insertJob.bind(4, job.attemptsMax)
        try insertJob.bind(5, job.createdMs)
        try insertJob.bind(6, job.priority.rawValue)
        try insertJob.bind(7, job.kernel)
        try insertJob.bind(8, job.params)
        if let quorum = job.quorum { try insertJob.bind(9, quorum.description) }
        try insertJob.bind(10, job.isDeterministic ? 1 : 0)
        try insertJob.bind(11, Int(job.retryDelay.inNanoseconds / 1_000_000))
        if let most = job.atMost { try insertJob.bind(12, most) }
        try insertJob.bind(13, job.mayCopy ? 1 : 0)
        try insertJob.bind(14, job.name)
        if let seconds = job.timeoutSeconds { try insertJob.bind(15, seconds) }
        if let request = job.request {
            try insertJob.bind(16, request.key)
            try insertJob.bind(17, request.digest)
        }
        try insertJob.bind(18, job.isOpen ? 1 : 0)
        if let needs = job.needs { try insertJob.bind(19, needs.text) }
        if let delay = job.startDelay { try insertJob.bind(20, Int(delay.inNanoseconds / 1_000_000)) }
        if !job.after.isEmpty { try insertJob.bind(21, job.after.text) }
        try insertJob.bind(22, job.after.isEmpty ? 0 : 1)
        try insertJob.bind(23, job.owner)
        try insertJob.bind(24, job.reruns ? 1 : 0)
        if let halt = job.halt { try insertJob.bind(25, halt.text) }
        guard try insertJob.step() else {
            throw .conflict("job \(job.id) or its request's key exists already: neither is used twice")
        }
        // The row is written whole only when the statement has run to its end.
        _ = try insertJob.step()
        try unfinished.began(job.id)
    }

    /// Splits long records into rows of about `InputRows.bytesMax`, so that reading a few lines costs no more than that.
    func add(_ record: InputRecord) throws(StoreError) {
        try checkPlace("inputs", record.job, record.first, record.count, inputBefore)
        let rows = try InputRows(record)
        for row in rows {
            // The lines stay in place until the statement has run: no copy.
            let failure = record.lines[row.bytes].withUnsafeBytes { lines -> StoreError? in
                do throws(StoreError) {
                    try insertInput.bind(1, record.job.rawValue)
                    try insertInput.bind(2, row.first)
                    try insertInput.bind(3, row.count)
                    try insertInput.bind(4, uncopied: lines)
                    try insertInput.run()
                    return nil
                } catch { return error }
            }
            if let failure { throw failure }
        }
    }

    func add(_ record: ResultRecord) throws(StoreError) {
        try checkPlace("results", record.job, record.first, record.count, resultBefore)
        switch record.outcome {
        case .values(let lines): try insert(record, body: lines, isFailure: false)
        case .failure(let reason):
            guard record.count == 1 else {
                throw .conflict("a failure of job \(record.job) covers \(record.count) tasks: record one for each task")
            }
            try insert(record, body: Array(reason.utf8), isFailure: true)
        }
    }

    private func insert(_ record: ResultRecord, body: [UInt8], isFailure: Bool) throws(StoreError) {
        // Both blobs stay in place until the statement has run: no copies.
        let failure = body.withUnsafeBytes { body in
            record.secondsLines.withUnsafeBytes { seconds -> StoreError? in
                do throws(StoreError) {
                    try insertResult.bind(1, record.job.rawValue)
                    try insertResult.bind(2, record.first)
                    try insertResult.bind(3, record.count)
                    try insertResult.bind(4, isFailure ? 1 : 0)
                    try insertResult.bind(5, record.attempt)
                    try insertResult.bind(6, record.worker)
                    try insertResult.bind(7, uncopied: body)
                    try insertResult.bind(8, uncopied: seconds)
                    if let votes = record.votes { try insertResult.bind(9, votes) }
                    if let output = record.output { try insertResult.bind(10, output) }
                    try insertResult.run()
                    return nil
                } catch { return error }
            }
        }
        if let failure { throw failure }
    }

    /// Keeps the counts in the job's row, so that nobody scans results of ended jobs.
    func end(_ id: JobID, _ state: JobState, _ endedMs: WallClockMs) throws(StoreError) {
        guard state.isFinal else { throw .conflict("job \(id) cannot end as \(state.rawValue), which is no end") }
        _ = try openJobCount(id, "an end")
        let tally = try Tally(id.rawValue, by: scan)
        for (worker, tasks) in tally.workers {
            try insertWorker.bind(1, id.rawValue)
            try insertWorker.bind(2, worker)
            try insertWorker.bind(3, tasks)
            try insertWorker.run()
        }
        try endJob.bind(1, state.rawValue)
        try endJob.bind(2, endedMs)
        try endJob.bind(3, tally.done)
        try endJob.bind(4, tally.failed)
        try endJob.bind(5, id.rawValue)
        try endJob.run()
        try unfinished.ended()
    }

    /// The job goes on: its failures are forgotten.
    func reopen(_ id: JobID) throws(StoreError) {
        defer { reopenJob.reset() }
        try reopenJob.bind(1, id.rawValue)
        guard try reopenJob.step() else { throw .conflict("job \(id) has not ended, or is not stored") }
        _ = try reopenJob.step()
        try unfinished.began(id)
        for statement in [removeFailures, removeWorkers] {
            try statement.bind(1, id.rawValue)
            try statement.run()
        }
    }

    func release(_ id: JobID) throws(StoreError) {
        try releaseJob.bind(1, id.rawValue)
        try releaseJob.run()
    }

    func explain(_ id: JobID, _ reason: String) throws(StoreError) {
        try explainJob.bind(1, id.rawValue)
        try explainJob.bind(2, reason)
        try explainJob.run()
    }

    /// The record must lie inside a job that has not ended, on tasks that have none yet.
    private func checkPlace(
        _ what: String, _ job: JobID, _ first: Int, _ count: Int, _ before: Statement
    ) throws(StoreError) {
        let tasks = try openJobCount(job, what)
        guard first >= 0, count >= 1, first < tasks, count <= tasks - first else {
            throw .conflict("\(what) of \(count) tasks from \(first) lie outside job \(job), which has \(tasks) tasks")
        }
        defer { before.reset() }
        try before.bind(1, job.rawValue)
        try before.bind(2, first + count)
        guard try before.step() else { return }
        let stored = try before.tasks(0, of: job.rawValue)
        guard stored.upperBound <= first else {
            throw .conflict(
                "\(what) of job \(job) for tasks \(first)..<\(first + count) overlap those of \(stored), "
                    + "which are stored already")
        }
    }

    private func openJobCount(_ id: JobID, _ what: String) throws(StoreError) -> Int {
        defer { jobBounds.reset() }
        try jobBounds.bind(1, id.rawValue)
        guard try jobBounds.step() else { throw .conflict("\(what) for job \(id), which is not stored") }
        guard jobBounds.isNull(1) else {
            throw .conflict("\(what) for job \(id), which has ended as \(jobBounds.text(1)) already")
        }
        return jobBounds.int(0)
    }
}
