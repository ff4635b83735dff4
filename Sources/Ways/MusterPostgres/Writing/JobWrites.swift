internal import MusterCore
internal import MusterStore
internal import RunRules

/// Writes of jobs, their inputs and results.
enum JobWrites {
    private static let insertJob = SQL(
        """
        INSERT INTO muster.job (id, count, has_inputs, attempts_max, created_ms, priority, kernel, params, quorum,
            is_deterministic, retry_delay_ms, at_most, may_copy, name, timeout_seconds, request_key, request_digest,
            is_open, needs, start_delay_ms, after, is_held, owner, reruns, halt)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
            $24, $25)
        ON CONFLICT DO NOTHING
        """)
    // Records do not overlap: the last one that begins before an end also ends last of those.
    private static let insertInputs = SQL(
        """
        INSERT INTO muster.input (job, first, count, lines)
        SELECT $1, r.first, r.count, r.lines FROM unnest($4::bigint[], $5::bigint[], $6::bytea[]) AS r (first, count, lines)
        WHERE EXISTS (SELECT 1 FROM muster.job j
                WHERE j.id = $1 AND j.state IS NULL AND $2 < j.count AND $3 <= j.count - $2)
            AND coalesce((SELECT p.first + p.count FROM muster.input p WHERE p.job = $1 AND p.first < $2 + $3
                ORDER BY p.first DESC LIMIT 1), 0) <= $2
        """)
    private static let insertResult = SQL(
        """
        INSERT INTO muster.result (job, first, count, is_failure, attempt, worker, body, seconds, votes, output)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM muster.job j
        WHERE j.id = $1 AND j.state IS NULL AND $2 < j.count AND $3 <= j.count - $2
            AND coalesce((SELECT p.first + p.count FROM muster.result p WHERE p.job = $1 AND p.first < $2 + $3
                ORDER BY p.first DESC LIMIT 1), 0) <= $2
        """)
    // Keeps the counts in the job's row, so that nobody scans results of ended jobs.
    private static let endJob = SQL(
        """
        UPDATE muster.job SET state = $2, ended_ms = $3, done = t.done, failed = t.failed
        FROM (SELECT coalesce(sum(count) FILTER (WHERE NOT is_failure), 0)::bigint AS done,
                coalesce(sum(count) FILTER (WHERE is_failure), 0)::bigint AS failed
            FROM muster.result WHERE job = $1) t
        WHERE id = $1 AND state IS NULL
        """)
    private static let insertWorkers = SQL(
        """
        INSERT INTO muster.job_worker (job, worker, tasks)
        SELECT $1, worker, sum(count)::bigint FROM muster.result WHERE job = $1 GROUP BY worker
        """)
    private static let reopenJob = SQL(
        """
        UPDATE muster.job SET state = NULL, ended_ms = NULL, done_before = done, done = NULL, failed = NULL, reason = ''
        WHERE id = $1 AND state IS NOT NULL
        """)
    private static let removeFailures = SQL("DELETE FROM muster.result WHERE job = $1 AND is_failure")
    private static let removeWorkers = SQL("DELETE FROM muster.job_worker WHERE job = $1")
    private static let releaseJob = SQL("UPDATE muster.job SET is_held = false WHERE id = $1")
    private static let explainJob = SQL("UPDATE muster.job SET reason = $2 WHERE id = $1")
    // In the place of what was known of them: they were not begun where they went before. The last of several counts.
    private static let noteBegun = SQL(
        """
        INSERT INTO muster.begun (job, task, attempt, member)
        SELECT DISTINCT ON (job, task) job, task, attempt, member
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
            AS b (job, task, attempt, member, place)
        ORDER BY job, task, place DESC
        ON CONFLICT (job, task) DO UPDATE SET attempt = excluded.attempt, member = excluded.member
        """)
    private static let dropBegun = SQL("DELETE FROM muster.begun WHERE job = $1 AND task >= $2 AND task < $3")

    static func create(_ job: JobRecord) -> PlannedQuery {
        let id = job.id
        return PlannedQuery(
            insertJob, .int(id.rawValue), .int(job.count), .flag(job.hasInputs), .int(job.attemptsMax),
            .int(job.createdMs), .word(job.priority.rawValue), .text(job.kernel), .bytes(job.params),
            .word(job.quorum?.description), .flag(job.isDeterministic),
            .int(Int(job.retryDelay.inNanoseconds / 1_000_000)), .int(job.atMost.map { Int64($0) }),
            .flag(job.mayCopy), .text(job.name), .real(job.timeoutSeconds), .text(job.request?.key),
            .bytes(job.request?.digest), .flag(job.isOpen), .text(job.needs?.text),
            .int(job.startDelay.map { Int64($0.inNanoseconds / 1_000_000) }),
            .word(job.after.isEmpty ? nil : job.after.text), .flag(!job.after.isEmpty), .text(job.owner),
            .flag(job.reruns), .word(job.halt?.text),
            check: .writes(1) { "job \(id) or its request's key exists already: neither is used twice" })
    }

    /// Splits long records into rows of about `InputRows.bytesMax`, so that reading a few lines costs no more than that. All go in
    /// one statement, as arrays: COPY would end the pipeline.
    static func add(_ record: InputRecord) throws(StoreError) -> PlannedQuery {
        try checkPlace("inputs", record.job, record.first, record.count)
        let rows = Array(try InputRows(record))
        return PlannedQuery(
            insertInputs, .int(record.job.rawValue), .int(record.first), .int(record.count),
            .ints(rows.map { Int64($0.first) }), .ints(rows.map { Int64($0.count) }),
            .arrays(rows.map { record.lines[$0.bytes] }),
            check: .writes(rows.count, orConflict: contradiction("inputs", record.job, record.first, record.count)))
    }

    static func add(_ record: ResultRecord) throws(StoreError) -> PlannedQuery {
        try checkPlace("results", record.job, record.first, record.count)
        let (body, isFailure): ([UInt8], Bool)
        switch record.outcome {
        case .values(let lines): (body, isFailure) = (lines, false)
        case .failure(let reason):
            guard record.count == 1 else {
                throw .conflict("a failure of job \(record.job) covers \(record.count) tasks: record one for each task")
            }
            (body, isFailure) = (Array(reason.utf8), true)
        }
        return PlannedQuery(
            insertResult, .int(record.job.rawValue), .int(record.first), .int(record.count), .flag(isFailure),
            .int(record.attempt), .text(record.worker), .bytes(body), .bytes(record.secondsLines),
            .int(record.votes.map { Int64($0) }), .bytes(record.output),
            check: .writes(1, orConflict: contradiction("results", record.job, record.first, record.count)))
    }

    static func end(_ id: JobID, _ state: JobState, _ endedMs: WallClockMs) throws(StoreError) -> [PlannedQuery] {
        guard state.isFinal else { throw .conflict("job \(id) cannot end as \(state.rawValue), which is no end") }
        return [
            PlannedQuery(
                endJob, .int(id.rawValue), .word(state.rawValue), .int(endedMs),
                check: .writes(1) { "an end for job \(id), which is not stored or has ended already" }),
            PlannedQuery(insertWorkers, .int(id.rawValue)),
        ]
    }

    /// The job goes on: its failures are forgotten.
    static func reopen(_ id: JobID) -> [PlannedQuery] {
        [
            PlannedQuery(
                reopenJob, .int(id.rawValue),
                check: .writes(1) { "job \(id) has not ended, or is not stored" }),
            PlannedQuery(removeFailures, .int(id.rawValue)), PlannedQuery(removeWorkers, .int(id.rawValue)),
        ]
    }

    static func release(_ id: JobID) -> PlannedQuery { PlannedQuery(releaseJob, .int(id.rawValue)) }

    static func explain(_ id: JobID, _ reason: String) -> PlannedQuery {
        PlannedQuery(explainJob, .int(id.rawValue), .text(reason))
    }

    static func note(_ tasks: [BegunTask]) -> PlannedQuery {
        PlannedQuery(
            noteBegun, .ints(tasks.map(\.job.rawValue)), .ints(tasks.map { Int64($0.task) }),
            .ints(tasks.map { Int64($0.attempt) }), .ints(tasks.map(\.member.rawValue)))
    }

    static func drop(_ job: JobID, _ tasks: Range<Int>) -> PlannedQuery {
        PlannedQuery(dropBegun, .int(job.rawValue), .int(tasks.lowerBound), .int(tasks.upperBound))
    }

    /// What needs no look at the job; the statement holds the rest.
    private static func checkPlace(_ what: String, _ job: JobID, _ first: Int, _ count: Int) throws(StoreError) {
        guard first >= 0, count >= 1, !first.addingReportingOverflow(count).overflow else {
            throw .conflict("\(what) of \(count) tasks from \(first) lie outside job \(job)")
        }
    }

    private static func contradiction(
        _ what: String, _ job: JobID, _ first: Int, _ count: Int
    ) -> @Sendable () -> String {
        {
            "\(what) for the tasks \(first)..<\(first + count) of job \(job), which is not stored, has ended, has fewer tasks, or has "
                + "\(what) for some of them already"
        }
    }
}
