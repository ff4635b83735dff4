internal import MusterCore

/// Reads of votes, of machines, and of volunteers' allTokens.
struct TrustReads {
    private let votes: Statement
    private let allMachines: Statement
    private let allTokens: Statement

    init(_ connection: Connection) throws(StoreError) {
        votes = try connection.prepare(
            """
            SELECT task, machine, is_volunteer, is_failure, attempt, worker, seconds, body, owner FROM vote WHERE job = ?
            ORDER BY job, task, machine
            """)
        allMachines = try connection.prepare(
            """
            SELECT id, token, joins, tasks, seconds, confirmed, refuted, streak, errors, is_out, first_seen_ms,
                last_seen_ms, version, name
            FROM machine ORDER BY tasks DESC, id
            """)
        allTokens = try connection.prepare(
            "SELECT id, code, label, created_ms, revoked_ms, circle FROM join_token ORDER BY id")
    }

    /// In task order, each of one task.
    func votes(of job: JobID) throws(StoreError) -> [VoteRecord] {
        defer { votes.reset() }
        try votes.bind(1, job.rawValue)
        var found: [VoteRecord] = []
        while try votes.step() {
            let isFailure = votes.int64(3) != 0
            let result = ResultRecord(
                job: job, first: votes.int(0), count: 1, worker: votes.text(5), attempt: votes.int(4),
                outcome: isFailure ? .failure(votes.text(7)) : .values(lines: votes.bytes(7) + [0x0A]),
                secondsLines: votes.bytes(6) + [0x0A])
            found.append(
                VoteRecord(
                    machine: MachineID(votes.text(1)), owner: MachineID(votes.text(8)),
                    isVolunteer: votes.int64(2) != 0,
                    result: result))
        }
        return found
    }

    func machines() throws(StoreError) -> [MachineRecord] {
        defer { allMachines.reset() }
        var found: [MachineRecord] = []
        while try allMachines.step() {
            var standing = Reliability.Standing(errors: allMachines.double(8))
            standing.confirmed = allMachines.int(5)
            standing.refuted = allMachines.int(6)
            standing.streak = allMachines.int(7)
            standing.isOut = allMachines.int64(9) != 0
            found.append(
                MachineRecord(
                    id: MachineID(allMachines.text(0)), token: allMachines.isNull(1) ? nil : allMachines.int64(1),
                    joins: allMachines.int(2), tasks: allMachines.int(3), seconds: allMachines.double(4),
                    firstSeenMs: allMachines.int64(10), lastSeenMs: allMachines.int64(11),
                    version: allMachines.text(12),
                    name: allMachines.text(13), standing: standing))
        }
        return found
    }

    func tokens() throws(StoreError) -> [JoinTokenRecord] {
        defer { allTokens.reset() }
        var found: [JoinTokenRecord] = []
        while try allTokens.step() {
            found.append(
                JoinTokenRecord(
                    id: allTokens.int64(0), code: allTokens.text(1), label: allTokens.text(2),
                    createdMs: allTokens.int64(3),
                    revokedMs: allTokens.isNull(4) ? nil : allTokens.int64(4), circle: allTokens.text(5)))
        }
        return found
    }
}
