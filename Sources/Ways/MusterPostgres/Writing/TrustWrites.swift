internal import MusterCore
internal import MusterScheduling
internal import MusterStore

/// Writes of votes, of machines and what they did, and of volunteers' tokens.
enum TrustWrites {
    // A row a task: votes are decided, and go, task by task.
    private static let insertVotes = SQL(
        """
        INSERT INTO muster.vote (job, task, machine, is_volunteer, is_failure, attempt, worker, owner, seconds, body)
        SELECT $1, $2 + v.place - 1, $3, $4, $5, $6, $7, $8, v.seconds, v.body
        FROM unnest($9::bytea[], $10::bytea[]) WITH ORDINALITY AS v (seconds, body, place)
        WHERE EXISTS (SELECT 1 FROM muster.job WHERE id = $1 AND state IS NULL)
        ON CONFLICT DO NOTHING
        """)
    private static let removeDecided = SQL("DELETE FROM muster.vote WHERE job = $1 AND task >= $2 AND task < $3")
    private static let removeEnded = SQL("DELETE FROM muster.vote WHERE job = $1")
    private static let removeMachines = SQL("DELETE FROM muster.vote WHERE owner = $1")
    private static let sawMachine = SQL(
        """
        INSERT INTO muster.machine AS m (id, token, joins, tasks, seconds, confirmed, refuted, streak, errors, is_out,
            first_seen_ms, last_seen_ms, version, name)
        VALUES ($1, $2, 1, 0, 0, 0, 0, 0, $3, false, $4, $5, $6, $7)
        ON CONFLICT (id) DO UPDATE SET token = excluded.token, joins = m.joins + 1,
            last_seen_ms = greatest(m.last_seen_ms, excluded.last_seen_ms), version = excluded.version,
            name = excluded.name
        """)
    private static let contribute = SQL(
        """
        UPDATE muster.machine SET tasks = tasks + $2, seconds = seconds + $3, last_seen_ms = greatest(last_seen_ms, $4)
        WHERE id = $1
        """)
    private static let saveStanding = SQL(
        """
        UPDATE muster.machine SET confirmed = $2, refuted = $3, streak = $4, errors = $5, is_out = $6 WHERE id = $1
        """)
    private static let saveToken = SQL(
        """
        INSERT INTO muster.join_token AS t (id, code, label, created_ms, revoked_ms, circle)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (id) DO UPDATE SET code = excluded.code, label = excluded.label,
            created_ms = excluded.created_ms, revoked_ms = coalesce(t.revoked_ms, excluded.revoked_ms)
        """)

    static func add(_ vote: VoteRecord) throws(StoreError) -> PlannedQuery {
        let record = vote.result
        let seconds = LineColumn(bytes: record.secondsLines, count: record.count).lines
        let (bodies, isFailure): ([ArraySlice<UInt8>], Bool)
        switch record.outcome {
        case .values(let lines):
            (bodies, isFailure) = (LineColumn(bytes: lines, count: record.count).lines, false)
        case .failure(let reason): (bodies, isFailure) = ([ArraySlice(reason.utf8)], true)
        }
        guard bodies.count == record.count, seconds.count == record.count else {
            throw .conflict("votes on \(record.count) tasks of job \(record.job) bring \(bodies.count) values")
        }
        let (machine, first, job, count) = (vote.machine, record.first, record.job, record.count)
        return PlannedQuery(
            insertVotes, .int(job.rawValue), .int(first), .text(machine.rawValue), .flag(vote.isVolunteer),
            .flag(isFailure), .int(record.attempt), .text(record.worker), .text(vote.owner.rawValue),
            .arrays(seconds), .arrays(bodies),
            check: .writes(count) {
                "a vote of \(machine) on \(count) tasks from \(first) of job \(job), which has ended, or where it has voted on "
                    + "one of them already"
            })
    }

    static func removeVotes(of job: JobID, _ tasks: Range<Int>) -> PlannedQuery {
        PlannedQuery(removeDecided, .int(job.rawValue), .int(tasks.lowerBound), .int(tasks.upperBound))
    }

    static func removeVotes(of job: JobID) -> PlannedQuery { PlannedQuery(removeEnded, .int(job.rawValue)) }

    static func removeVotes(by machine: MachineID) -> PlannedQuery {
        PlannedQuery(removeMachines, .text(machine.rawValue))
    }

    static func saw(_ machine: MachineRecord) -> PlannedQuery {
        PlannedQuery(
            sawMachine, .text(machine.id.rawValue), .int(machine.token), .real(machine.standing.errors),
            .int(machine.firstSeenMs), .int(machine.lastSeenMs), .text(machine.version), .text(machine.name))
    }

    /// In the order of the machines' ids, so that the same writes are always the same statements.
    static func add(_ contributions: Contributions) -> [PlannedQuery] {
        contributions.sums.sorted { $0.key.rawValue < $1.key.rawValue }.map { machine, sum in
            PlannedQuery(contribute, .text(machine.rawValue), .int(sum.tasks), .real(sum.seconds), .int(sum.atMs))
        }
    }

    static func save(_ standing: Reliability.Standing, of machine: MachineID) -> PlannedQuery {
        PlannedQuery(
            saveStanding, .text(machine.rawValue), .int(standing.confirmed), .int(standing.refuted),
            .int(standing.streak), .real(standing.errors), .flag(standing.isOut))
    }

    static func save(_ token: JoinTokenRecord) -> PlannedQuery {
        PlannedQuery(
            saveToken, .int(token.id), .text(token.code), .text(token.label), .int(token.createdMs),
            .int(token.revokedMs), .text(token.circle))
    }
}
