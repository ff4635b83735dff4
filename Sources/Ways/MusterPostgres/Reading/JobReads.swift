internal import MusterCore
internal import MusterStore
internal import RunRules

/// Reads of jobs and how far they are.
struct JobReads {
    let session: ReadSession

    private static func jobs(_ which: String) -> SQL {
        SQL("SELECT \(JobRow.columns) FROM muster.job \(which)")
    }

    private static let one = jobs("WHERE id = $1")
    private static let ofRequest = jobs("WHERE request_key = $1")
    private static let newest = jobs(
        """
        WHERE id < $1 AND (kernel = $3 OR $3 IS NULL) AND (state = $4 OR $4 IS NULL) AND (owner = $5 OR $5 IS NULL)
        ORDER BY id DESC LIMIT $2
        """)
    private static let unfinished = jobs("WHERE state IS NULL AND (id = $1 OR $1 IS NULL) ORDER BY id")
    private static let endedBefore = SQL(
        "SELECT id FROM muster.job WHERE id > $1 AND ended_ms < $2 ORDER BY id LIMIT $3")
    private static let workers = SQL("SELECT job, worker, tasks FROM muster.job_worker WHERE job = ANY ($1)")
    private static let counts = SQL(
        """
        SELECT job, worker, is_failure, sum(count)::bigint FROM muster.result WHERE job = ANY ($1)
        GROUP BY job, worker, is_failure
        """)
    // Runs of tasks without a gap: a record begins one where it does not begin at the end of the one before.
    private static let recorded = SQL(
        """
        SELECT job, min(first), max(first + count) FROM (
            SELECT job, first, count, sum(begins) OVER (PARTITION BY job ORDER BY first) AS run FROM (
                SELECT job, first, count, CASE WHEN first = lag(first + count) OVER (PARTITION BY job ORDER BY first)
                    THEN 0 ELSE 1 END AS begins
                FROM muster.result WHERE job = ANY ($1)) r) s
        GROUP BY job, run ORDER BY 1, 2
        """)
    private static let begun = SQL(
        "SELECT job, task, attempt, member FROM muster.begun WHERE job = ANY ($1) ORDER BY job, task")
    private static let largest = SQL(
        """
        SELECT greatest(job, (SELECT max(id) FROM muster.job)), member, join_order,
            greatest(child, (SELECT max(id) FROM muster.child)), greatest(command, (SELECT max(id) FROM muster.command))
        FROM muster.largest_id
        """)

    func job(_ id: JobID) throws(StoreError) -> StoredJob? {
        try counted(session.rows(Self.one, .int(id.rawValue))).first?.job
    }

    func job(requestKey: String) throws(StoreError) -> StoredJob? {
        try counted(session.rows(Self.ofRequest, .text(requestKey))).first?.job
    }

    func jobs(_ wanted: JobSelection, before: JobID?, limit: Int) throws(StoreError) -> [StoredJob] {
        try counted(
            session.rows(
                Self.newest, .int(before?.rawValue ?? .max), .int(max(0, limit)), .text(wanted.kernel),
                .word(wanted.endedAs?.rawValue), .text(wanted.owner))
        ).map(\.job)
    }

    func jobs(endedBefore time: WallClockMs, after id: JobID, limit: Int) throws(StoreError) -> [JobID] {
        let rows = try session.rows(Self.endedBefore, .int(id.rawValue), .int(time), .int(max(0, limit)))
        return rows.indices.map { JobID(rows.int64($0, 0)) }
    }

    /// In the order of their ids; nil: all.
    func unfinished(_ only: JobID?) throws(StoreError) -> [RestoredJob] {
        let jobs = try counted(session.rows(Self.unfinished, .int(only?.rawValue)))
        let ids = jobs.map(\.job.record.id.rawValue)
        guard !ids.isEmpty else { return [] }
        let found = try session.all([Query(Self.recorded, .ints(ids)), Query(Self.begun, .ints(ids))])
        var recorded: [JobID: RangeSet<Int>] = [:]
        let (runs, begun) = (found[0], found[1])
        for row in runs.indices {
            let (first, end) = (runs.int(row, 1), runs.int(row, 2))
            guard first >= 0, first < end else {
                throw .damaged(session.place, "job \(runs.int64(row, 0)) has a record of the tasks \(first)..<\(end)")
            }
            recorded[JobID(runs.int64(row, 0)), default: RangeSet()].insert(contentsOf: first..<end)
        }
        var tasks: [JobID: [BegunTask]] = [:]
        for row in begun.indices {
            let job = JobID(begun.int64(row, 0))
            tasks[job, default: []].append(
                BegunTask(
                    job: job, task: begun.int(row, 1), attempt: begun.int(row, 2),
                    member: MemberID(begun.int64(row, 3))))
        }
        return jobs.map { job in
            var job = job
            let id = job.job.record.id
            job.recorded = recorded[id] ?? RangeSet()
            if !job.job.record.reruns { job.begun = tasks[id] ?? [] }
            return job
        }
    }

    func largestIDs() throws(StoreError) -> LargestIDs {
        let rows = try session.rows(Self.largest)
        guard rows.count == 1 else { throw .damaged(session.place, "the table largest_id has \(rows.count) rows") }
        return LargestIDs(
            job: rows.int64(0, 0), member: rows.int64(0, 1), joinOrder: rows.int64(0, 2), child: rows.int64(0, 3),
            command: rows.int64(0, 4))
    }

    /// Adds what the results say, or what was kept of them when the job ended.
    private func counted(_ rows: Rows) throws(StoreError) -> [RestoredJob] {
        var jobs: [RestoredJob] = []
        for row in rows.indices { jobs.append(try JobRow(rows: rows, row: row, place: session.place).job()) }
        var places: [Int64: Int] = [:]
        for (place, job) in jobs.enumerated() { places[job.job.record.id.rawValue] = place }
        let ended = jobs.filter(\.job.state.isFinal).map(\.job.record.id.rawValue)
        let open = jobs.filter { !$0.job.state.isFinal }.map(\.job.record.id.rawValue)
        if !ended.isEmpty {
            let kept = try session.rows(Self.workers, .ints(ended))
            for row in kept.indices {
                guard let place = places[kept.int64(row, 0)] else { continue }
                // Adds rather than sets: names that differ in bytes can be equal as strings.
                jobs[place].job.workers[kept.text(row, 1), default: 0] &+= kept.int(row, 2)
            }
        }
        if !open.isEmpty {
            let told = try session.rows(Self.counts, .ints(open))
            for row in told.indices {
                guard let place = places[told.int64(row, 0)] else { continue }
                let count = told.int(row, 3)
                jobs[place].job.workers[told.text(row, 1), default: 0] &+= count
                if told.flag(row, 2) { jobs[place].job.failed &+= count } else { jobs[place].job.done &+= count }
            }
        }
        return jobs
    }
}
