internal import MusterCore

/// Writes of votes, of machines and what they did, and of volunteers' tokens.
struct TrustWrites {
    private let insertVote: Statement
    private let removeDecided: Statement
    private let removeEnded: Statement
    private let removeMachines: Statement
    private let sawMachine: Statement
    private let contribute: Statement
    private let saveStanding: Statement
    private let saveToken: Statement

    init(_ connection: Connection) throws(StoreError) {
        insertVote = try connection.prepare(
            """
            INSERT INTO vote (job, task, machine, is_volunteer, is_failure, attempt, worker, seconds, body, owner)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM job WHERE id = ?1 AND state IS NULL
            ON CONFLICT DO NOTHING RETURNING task
            """)
        removeDecided = try connection.prepare("DELETE FROM vote WHERE job = ? AND task >= ? AND task < ?")
        removeEnded = try connection.prepare("DELETE FROM vote WHERE job = ?")
        removeMachines = try connection.prepare("DELETE FROM vote WHERE owner = ?")
        sawMachine = try connection.prepare(
            """
            INSERT INTO machine (id, token, joins, tasks, seconds, confirmed, refuted, streak, errors, is_out,
                first_seen_ms, last_seen_ms, version, name)
            VALUES (?, ?, 1, 0, 0, 0, 0, 0, ?, 0, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET token = excluded.token, joins = joins + 1,
                last_seen_ms = max(last_seen_ms, excluded.last_seen_ms), version = excluded.version,
                name = excluded.name
            """)
        contribute = try connection.prepare(
            """
            UPDATE machine SET tasks = tasks + ?2, seconds = seconds + ?3, last_seen_ms = max(last_seen_ms, ?4)
            WHERE id = ?1
            """)
        saveStanding = try connection.prepare(
            "UPDATE machine SET confirmed = ?2, refuted = ?3, streak = ?4, errors = ?5, is_out = ?6 WHERE id = ?1")
        saveToken = try connection.prepare(
            """
            INSERT INTO join_token (id, code, label, created_ms, revoked_ms, circle) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET code = excluded.code, label = excluded.label,
                created_ms = excluded.created_ms, revoked_ms = coalesce(revoked_ms, excluded.revoked_ms)
            """)
    }

    /// A row a task: votes are decided, and go, task by task.
    func add(_ vote: VoteRecord) throws(StoreError) {
        let record = vote.result
        let seconds = LineColumn(bytes: record.secondsLines, count: record.count).lines
        var bodies: [ArraySlice<UInt8>] = []
        var isFailure = false
        switch record.outcome {
        case .values(let lines): bodies = LineColumn(bytes: lines, count: record.count).lines
        case .failure(let reason):
            bodies = [ArraySlice(reason.utf8)]
            isFailure = true
        }
        guard bodies.count == record.count, seconds.count == record.count else {
            throw .conflict("votes on \(record.count) tasks of job \(record.job) bring \(bodies.count) values")
        }
        for place in 0..<record.count {
            try insertVote.bind(1, record.job.rawValue)
            try insertVote.bind(2, record.first + place)
            try insertVote.bind(3, vote.machine.rawValue)
            try insertVote.bind(4, vote.isVolunteer ? 1 : 0)
            try insertVote.bind(5, isFailure ? 1 : 0)
            try insertVote.bind(6, record.attempt)
            try insertVote.bind(7, record.worker)
            try insertVote.bind(8, String(decoding: seconds[place], as: UTF8.self))
            try insertVote.bind(9, Array(bodies[place]))
            try insertVote.bind(10, vote.owner.rawValue)
            defer { insertVote.reset() }
            guard try insertVote.step() else {
                throw .conflict(
                    "a vote of \(vote.machine) on task \(record.first + place) of job \(record.job), which has ended, or where "
                        + "it has voted already")
            }
            _ = try insertVote.step()
        }
    }

    func removeVotes(of job: JobID, _ tasks: Range<Int>) throws(StoreError) {
        try removeDecided.bind(1, job.rawValue)
        try removeDecided.bind(2, tasks.lowerBound)
        try removeDecided.bind(3, tasks.upperBound)
        try removeDecided.run()
    }

    func removeVotes(of job: JobID) throws(StoreError) {
        try removeEnded.bind(1, job.rawValue)
        try removeEnded.run()
    }

    func removeVotes(by machine: MachineID) throws(StoreError) {
        try removeMachines.bind(1, machine.rawValue)
        try removeMachines.run()
    }

    func saw(_ machine: MachineRecord) throws(StoreError) {
        try sawMachine.bind(1, machine.id.rawValue)
        if let token = machine.token { try sawMachine.bind(2, token) }
        try sawMachine.bind(3, machine.standing.errors)
        try sawMachine.bind(4, machine.firstSeenMs)
        try sawMachine.bind(5, machine.lastSeenMs)
        try sawMachine.bind(6, machine.version)
        try sawMachine.bind(7, machine.name)
        try sawMachine.run()
    }

    func add(_ contributions: Contributions) throws(StoreError) {
        for (machine, sum) in contributions.sums {
            try contribute.bind(1, machine.rawValue)
            try contribute.bind(2, sum.tasks)
            try contribute.bind(3, sum.seconds)
            try contribute.bind(4, sum.atMs)
            try contribute.run()
        }
    }

    func save(_ standing: Reliability.Standing, of machine: MachineID) throws(StoreError) {
        try saveStanding.bind(1, machine.rawValue)
        try saveStanding.bind(2, standing.confirmed)
        try saveStanding.bind(3, standing.refuted)
        try saveStanding.bind(4, standing.streak)
        try saveStanding.bind(5, standing.errors)
        try saveStanding.bind(6, standing.isOut ? 1 : 0)
        try saveStanding.run()
    }

    func save(_ token: JoinTokenRecord) throws(StoreError) {
        try saveToken.bind(1, token.id)
        try saveToken.bind(2, token.code)
        try saveToken.bind(3, token.label)
        try saveToken.bind(4, token.createdMs)
        if let revoked = token.revokedMs { try saveToken.bind(5, revoked) }
        try saveToken.bind(6, token.circle)
        try saveToken.run()
    }
}
