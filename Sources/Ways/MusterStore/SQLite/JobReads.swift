internal import MusterCore

/// Reads of jobs and how far they are.
struct JobReads {
    private let path: String
    private let one: Statement
    private let newest: Statement
    private let endedBefore: Statement
    private let ofRequest: Statement
    private let unfinished: Statement
    private let unfinishedFrom: Statement
    private let workers: Statement
    private let scan: Statement
    private let largest: Statement

    init(_ connection: Connection) throws(StoreError) {
        path = connection.path
        one = try connection.prepare(
            """
            SELECT id, state, ended_ms, done, failed, count, has_inputs, attempts_max, created_ms, priority, kernel, params,
                quorum, is_deterministic, retry_delay_ms, at_most, may_copy, name, timeout_seconds, request_key,
                request_digest, is_open, needs, start_delay_ms, after, is_held, reason, owner, reruns
            FROM job WHERE id = ?
            """)
        newest = try connection.prepare(
            """
            SELECT id, state, ended_ms, done, failed, count, has_inputs, attempts_max, created_ms, priority, kernel, params,
                quorum, is_deterministic, retry_delay_ms, at_most, may_copy, name, timeout_seconds, request_key,
                request_digest, is_open, needs, start_delay_ms, after, is_held, reason, owner, reruns
            FROM job WHERE id < ?1 AND (kernel = ?3 OR ?3 IS NULL) AND (state = ?4 OR ?4 IS NULL)
                AND (owner = ?5 OR ?5 IS NULL)
            ORDER BY id DESC LIMIT ?2
            """)
        endedBefore = try connection.prepare("SELECT id FROM job WHERE id > ? AND ended_ms < ? ORDER BY id LIMIT ?")
        ofRequest = try connection.prepare(
            """
            SELECT id, state, ended_ms, done, failed, count, has_inputs, attempts_max, created_ms, priority, kernel, params,
                quorum, is_deterministic, retry_delay_ms, at_most, may_copy, name, timeout_seconds, request_key,
                request_digest, is_open, needs, start_delay_ms, after, is_held, reason, owner, reruns
            FROM job WHERE request_key = ?
            """)
        unfinished = try connection.prepare(
            """
            SELECT id, state, ended_ms, done, failed, count, has_inputs, attempts_max, created_ms, priority, kernel, params,
                quorum, is_deterministic, retry_delay_ms, at_most, may_copy, name, timeout_seconds, request_key,
                request_digest, is_open, needs, start_delay_ms, after, is_held, reason, owner, reruns
            FROM job WHERE id BETWEEN ?1 AND ?2 AND state IS NULL ORDER BY id
            """)
        unfinishedFrom = try connection.prepare("SELECT unfinished_from FROM largest_id")
        workers = try connection.prepare("SELECT worker, tasks FROM job_worker WHERE job = ?")
        scan = try connection.prepare(Tally.sql)
        largest = try connection.prepare(
            """
            SELECT max(job, (SELECT coalesce(max(id), 0) FROM job)), member, join_order,
                max(child, (SELECT coalesce(max(id), 0) FROM child)),
                max(command, (SELECT coalesce(max(id), 0) FROM command))
            FROM largest_id
            """)
    }

    func job(_ id: JobID) throws(StoreError) -> StoredJob? {
        try one.bind(1, id.rawValue)
        return try rows(of: one).first.map { (job) throws(StoreError) in try counted(job).job }
    }

    func job(requestKey: String) throws(StoreError) -> StoredJob? {
        try ofRequest.bind(1, requestKey)
        return try rows(of: ofRequest).first.map { (job) throws(StoreError) in try counted(job).job }
    }

    func jobs(_ wanted: JobSelection, before: JobID?, limit: Int) throws(StoreError) -> [StoredJob] {
        try newest.bind(1, before?.rawValue ?? .max)
        // SQLite takes a negative limit for none at all.
        try newest.bind(2, max(0, limit))
        if let kernel = wanted.kernel { try newest.bind(3, kernel) }
        if let state = wanted.endedAs { try newest.bind(4, state.rawValue) }
        if let owner = wanted.owner { try newest.bind(5, owner) }
        return try rows(of: newest).map { (job) throws(StoreError) in try counted(job).job }
    }

    func jobs(endedBefore time: WallClockMs, after id: JobID, limit: Int) throws(StoreError) -> [JobID] {
        defer { endedBefore.reset() }
        try endedBefore.bind(1, id.rawValue)
        try endedBefore.bind(2, time)
        try endedBefore.bind(3, max(0, limit))
        var ids: [JobID] = []
        while try endedBefore.step() { ids.append(JobID(endedBefore.int64(0))) }
        return ids
    }

    /// The ids among which all unfinished jobs are.
    func unfinishedIDs() throws(StoreError) -> ClosedRange<Int64> {
        defer { unfinishedFrom.reset() }
        guard try unfinishedFrom.step() else { throw .corrupt(path, "the table largest_id is empty") }
        return max(0, unfinishedFrom.int64(0))...Int64.max
    }

    func unfinishedJobs(_ ids: ClosedRange<Int64>) throws(StoreError) -> [RestoredJob] {
        try unfinished.bind(1, ids.lowerBound)
        try unfinished.bind(2, ids.upperBound)
        return try rows(of: unfinished).map { (job) throws(StoreError) in try counted(job) }
    }

    func largestIDs() throws(StoreError) -> LargestIDs {
        defer { largest.reset() }
        guard try largest.step() else { throw .corrupt(path, "the table largest_id is empty") }
        return LargestIDs(
            job: largest.int64(0), member: largest.int64(1), joinOrder: largest.int64(2), child: largest.int64(3),
            command: largest.int64(4))
    }

    /// Adds what the results say, or what was kept of them when the job ended.
    private func counted(_ row: RestoredJob) throws(StoreError) -> RestoredJob {
        var row = row
        let id = row.job.record.id.rawValue
        if row.job.state.isFinal {
            defer { workers.reset() }
            try workers.bind(1, id)
            while try workers.step() { row.job.workers[workers.text(0), default: 0] += workers.int(1) }
            return row
        }
        let tally = try Tally(id, by: scan)
        (row.job.done, row.job.failed, row.job.workers) = (tally.done, tally.failed, tally.workers)
        row.recorded = tally.recorded
        return row
    }

    private func rows(of statement: Statement) throws(StoreError) -> [RestoredJob] {
        defer { statement.reset() }
        var jobs: [RestoredJob] = []
        while try statement.step() { jobs.append(try row(statement)) }
        return jobs
    }

    private func quorum(_ row: Statement, _ id: JobID) throws(StoreError) -> Quorum? {
        if row.isNull(12) { return nil }
        guard let quorum = Quorum(row.text(12)) else {
            throw .corrupt(path, "job \(id) has the quorum \(String(reflecting: row.text(12)))")
        }
        return quorum
    }

    private func needs(_ row: Statement, _ id: JobID) throws(StoreError) -> Needs? {
        if row.isNull(22) { return nil }
        guard let needs = Needs(text: row.text(22)) else {
            throw .corrupt(path, "job \(id) has the needs \(String(reflecting: row.text(22)))")
        }
        return needs
    }

    private func after(_ row: Statement, _ id: JobID) throws(StoreError) -> Prerequisites {
        if row.isNull(24) { return Prerequisites() }
        guard let after = Prerequisites(text: row.text(24)) else {
            throw .corrupt(path, "job \(id) is to run after \(String(reflecting: row.text(24)))")
        }
        return after
    }

    private func row(_ row: Statement) throws(StoreError) -> RestoredJob {
        let id = JobID(row.int64(0))
        guard let priority = Priority(rawValue: row.text(9)) else {
            throw .corrupt(path, "job \(id) has the priority \(String(reflecting: row.text(9)))")
        }
        guard let state = row.isNull(1) ? .queued : JobState(rawValue: row.text(1)) else {
            throw .corrupt(path, "job \(id) has the state \(String(reflecting: row.text(1)))")
        }
        guard row.int(5) >= 0 else { throw .corrupt(path, "job \(id) has \(row.int(5)) tasks") }
        var record = JobRecord(
            id: id, kernel: row.text(10), params: row.bytes(11), count: row.int(5), priority: priority,
            hasInputs: row.int64(6) != 0, attemptsMax: row.int(7), createdMs: row.int64(8), quorum: try quorum(row, id),
            isDeterministic: row.int64(13) != 0, retryDelay: .milliseconds(row.int64(14)),
            atMost: row.isNull(15) ? nil : row.int(15), mayCopy: row.int64(16) != 0)
        record.name = row.text(17)
        if !row.isNull(18) { record.timeoutSeconds = row.double(18) }
        if !row.isNull(19) { record.request = RequestKey(key: row.text(19), digest: row.bytes(20)) }
        record.isOpen = row.int64(21) != 0
        record.needs = try needs(row, id)
        if !row.isNull(23) { record.startDelay = .milliseconds(row.int64(23)) }
        record.after = try after(row, id)
        (record.owner, record.reruns) = (row.text(27), row.int64(28) != 0)
        var job = StoredJob(
            record: record, state: state, endedMs: row.isNull(2) ? nil : row.int64(2), done: row.int(3),
            failed: row.int(4), workers: [:])
        job.reason = row.text(26)
        var restored = RestoredJob(job: job, recorded: RangeSet())
        restored.isHeld = row.int64(25) != 0
        return restored
    }
}
