internal import MusterCore
internal import RunRules

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
    private let begun: Statement
    private let scan: Statement
    private let largest: Statement

    /// What a job's row is read by, in this order.
    private enum Column: Int32, CaseIterable {
        case id, state, endedMs, done, failed, count, hasInputs, attemptsMax, createdMs, priority, kernel, params,
            quorum
        case isDeterministic, retryDelayMs, atMost, mayCopy, name, timeoutSeconds, requestKey, requestDigest, isOpen,
            needs
        case startDelayMs, after, isHeld, reason, owner, reruns, halt, doneBefore

        /// As the table has it: `ended_ms` for `endedMs`.
        var inTable: String { "\(self)".reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) } }
    }

    /// A job's row as it comes, read by the names of its columns.
    private struct Row {
        let statement: Statement

        func isNull(_ column: Column) -> Bool { statement.isNull(column.rawValue) }
        func int(_ column: Column) -> Int { statement.int(column.rawValue) }
        func int64(_ column: Column) -> Int64 { statement.int64(column.rawValue) }
        func double(_ column: Column) -> Double { statement.double(column.rawValue) }
        func text(_ column: Column) -> String { statement.text(column.rawValue) }
        func bytes(_ column: Column) -> [UInt8] { statement.bytes(column.rawValue) }
    }

    private static func jobs(_ which: StaticString, _ connection: Connection) throws(StoreError) -> Statement {
        let columns = Column.allCases.map(\.inTable).joined(separator: ", ")
        return try connection.prepare(fixed: "SELECT \(columns) FROM job \(which)")
    }

    init(_ connection: Connection) throws(StoreError) {
        path = connection.path
        one = try Self.jobs("WHERE id = ?", connection)
        newest = try Self.jobs(
            """
            WHERE id < ?1 AND (kernel = ?3 OR ?3 IS NULL) AND (state = ?4 OR ?4 IS NULL)
                AND (owner = ?5 OR ?5 IS NULL)
            ORDER BY id DESC LIMIT ?2
            """, connection)
        endedBefore = try connection.prepare("SELECT id FROM job WHERE id > ? AND ended_ms < ? ORDER BY id LIMIT ?")
        ofRequest = try Self.jobs("WHERE request_key = ?", connection)
        unfinished = try Self.jobs("WHERE id BETWEEN ?1 AND ?2 AND state IS NULL ORDER BY id", connection)
        unfinishedFrom = try connection.prepare("SELECT unfinished_from FROM largest_id")
        workers = try connection.prepare("SELECT worker, tasks FROM job_worker WHERE job = ?")
        begun = try connection.prepare("SELECT task, attempt, member FROM begun WHERE job = ? ORDER BY task")
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
        if !row.job.record.reruns { row.begun = try begunTasks(of: row.job.record.id) }
        return row
    }

    private func begunTasks(of job: JobID) throws(StoreError) -> [BegunTask] {
        defer { begun.reset() }
        try begun.bind(1, job.rawValue)
        var tasks: [BegunTask] = []
        while try begun.step() {
            tasks.append(
                BegunTask(job: job, task: begun.int(0), attempt: begun.int(1), member: MemberID(begun.int64(2))))
        }
        return tasks
    }

    private func rows(of statement: Statement) throws(StoreError) -> [RestoredJob] {
        defer { statement.reset() }
        var jobs: [RestoredJob] = []
        while try statement.step() { jobs.append(try row(Row(statement: statement))) }
        return jobs
    }

    private func quorum(_ row: Row, _ id: JobID) throws(StoreError) -> Quorum? {
        if row.isNull(.quorum) { return nil }
        guard let quorum = Quorum(row.text(.quorum)) else {
            throw .corrupt(path, "job \(id) has the quorum \(String(reflecting: row.text(.quorum)))")
        }
        return quorum
    }

    private func needs(_ row: Row, _ id: JobID) throws(StoreError) -> Needs? {
        if row.isNull(.needs) { return nil }
        guard let needs = Needs(text: row.text(.needs)) else {
            throw .corrupt(path, "job \(id) has the needs \(String(reflecting: row.text(.needs)))")
        }
        return needs
    }

    private func after(_ row: Row, _ id: JobID) throws(StoreError) -> Prerequisites {
        if row.isNull(.after) { return Prerequisites() }
        guard let after = Prerequisites(text: row.text(.after)) else {
            throw .corrupt(path, "job \(id) is to run after \(String(reflecting: row.text(.after)))")
        }
        return after
    }

    private func halt(_ row: Row, _ id: JobID) throws(StoreError) -> HaltRule.Condition? {
        if row.isNull(.halt) { return nil }
        guard let halt = HaltRule(parsing: row.text(.halt))?.condition else {
            throw .corrupt(path, "job \(id) is to halt at \(String(reflecting: row.text(.halt)))")
        }
        return halt
    }

    private func row(_ row: Row) throws(StoreError) -> RestoredJob {
        let id = JobID(row.int64(.id))
        guard let priority = Priority(rawValue: row.text(.priority)) else {
            throw .corrupt(path, "job \(id) has the priority \(String(reflecting: row.text(.priority)))")
        }
        guard let state = row.isNull(.state) ? .queued : JobState(rawValue: row.text(.state)) else {
            throw .corrupt(path, "job \(id) has the state \(String(reflecting: row.text(.state)))")
        }
        guard row.int(.count) >= 0 else { throw .corrupt(path, "job \(id) has \(row.int(.count)) tasks") }
        var record = JobRecord(
            id: id, kernel: row.text(.kernel), params: row.bytes(.params), count: row.int(.count), priority: priority,
            hasInputs: row.int64(.hasInputs) != 0, attemptsMax: row.int(.attemptsMax), createdMs: row.int64(.createdMs),
            quorum: try quorum(row, id),
            isDeterministic: row.int64(.isDeterministic) != 0, retryDelay: .milliseconds(row.int64(.retryDelayMs)),
            atMost: row.isNull(.atMost) ? nil : row.int(.atMost), mayCopy: row.int64(.mayCopy) != 0)
        record.name = row.text(.name)
        if !row.isNull(.timeoutSeconds) { record.timeoutSeconds = row.double(.timeoutSeconds) }
        if !row.isNull(.requestKey) {
            record.request = RequestKey(key: row.text(.requestKey), digest: row.bytes(.requestDigest))
        }
        record.isOpen = row.int64(.isOpen) != 0
        record.needs = try needs(row, id)
        if !row.isNull(.startDelayMs) { record.startDelay = .milliseconds(row.int64(.startDelayMs)) }
        record.after = try after(row, id)
        record.halt = try halt(row, id)
        (record.owner, record.reruns) = (row.text(.owner), row.int64(.reruns) != 0)
        var job = StoredJob(
            record: record, state: state, endedMs: row.isNull(.endedMs) ? nil : row.int64(.endedMs),
            done: row.int(.done),
            failed: row.int(.failed), workers: [:])
        (job.reason, job.doneBefore) = (row.text(.reason), row.int(.doneBefore))
        var restored = RestoredJob(job: job, recorded: RangeSet())
        restored.isHeld = row.int64(.isHeld) != 0
        return restored
    }
}
