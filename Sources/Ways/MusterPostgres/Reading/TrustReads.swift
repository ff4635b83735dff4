internal import MusterCore
internal import MusterStore

/// Reads of votes, of machines, and of volunteers' tokens.
struct TrustReads {
    let session: ReadSession

    private static let votes = SQL(
        """
        SELECT task, machine, is_volunteer, is_failure, attempt, worker, seconds, body, owner FROM muster.vote
        WHERE job = $1 ORDER BY task, machine
        """)
    private static let allMachines = SQL(
        """
        SELECT id, token, joins, tasks, seconds, confirmed, refuted, streak, errors, is_out, first_seen_ms,
            last_seen_ms, version, name
        FROM muster.machine ORDER BY tasks DESC, id
        """)
    private static let allTokens = SQL(
        "SELECT id, code, label, created_ms, revoked_ms, circle FROM muster.join_token ORDER BY id")

    /// In task order, each of one task.
    func votes(of job: JobID) throws(StoreError) -> [VoteRecord] {
        let rows = try session.rows(Self.votes, .int(job.rawValue))
        return rows.indices.map { row in
            let result = ResultRecord(
                job: job, first: rows.int(row, 0), count: 1, worker: rows.text(row, 5), attempt: rows.int(row, 4),
                outcome: rows.flag(row, 3)
                    ? .failure(rows.text(row, 7)) : .values(lines: rows.bytes(row, 7) + [0x0A]),
                secondsLines: rows.bytes(row, 6) + [0x0A])
            return VoteRecord(
                machine: MachineID(rows.text(row, 1)), owner: MachineID(rows.text(row, 8)),
                isVolunteer: rows.flag(row, 2), result: result)
        }
    }

    func machines() throws(StoreError) -> [MachineRecord] {
        let rows = try session.rows(Self.allMachines)
        return rows.indices.map { row in
            var standing = Reliability.Standing(errors: rows.real(row, 8))
            standing.confirmed = rows.int(row, 5)
            standing.refuted = rows.int(row, 6)
            standing.streak = rows.int(row, 7)
            standing.isOut = rows.flag(row, 9)
            return MachineRecord(
                id: MachineID(rows.text(row, 0)), token: rows.isNull(row, 1) ? nil : rows.int64(row, 1),
                joins: rows.int(row, 2), tasks: rows.int(row, 3), seconds: rows.real(row, 4),
                firstSeenMs: rows.int64(row, 10), lastSeenMs: rows.int64(row, 11), version: rows.text(row, 12),
                name: rows.text(row, 13), standing: standing)
        }
    }

    func tokens() throws(StoreError) -> [JoinTokenRecord] {
        let rows = try session.rows(Self.allTokens)
        return rows.indices.map { row in
            JoinTokenRecord(
                id: rows.int64(row, 0), code: rows.text(row, 1), label: rows.text(row, 2),
                createdMs: rows.int64(row, 3), revokedMs: rows.isNull(row, 4) ? nil : rows.int64(row, 4),
                circle: rows.text(row, 5))
        }
    }
}
