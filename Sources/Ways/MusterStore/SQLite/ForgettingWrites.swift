internal import MusterCore

/// Writes that make ended jobs as if they had never been. A job is gone at once, for everybody; what it leaves in other tables
/// goes in small groups afterwards, so that other writes do not wait for it.
struct ForgettingWrites {
    /// One group: so many rows, or fewer where they hold so many bytes. It takes some milliseconds.
    static let rowsMax = 2_000
    static let bytesMax = 4 << 20
    /// Pages that one group gives back to the file system.
    static let pagesMax: Int64 = 500
    /// Free pages that are kept for what comes next: 4 MiB.
    static let pagesKept: Int64 = 1_024

    private let removeJob: Statement
    private let raiseLargest: Statement
    private let noteForgotten: Statement
    private let next: Statement
    private let done: Statement
    private let results: Statement
    private let removeResults: Statement
    private let inputs: Statement
    private let removeInputs: Statement
    private let removeVotes: Statement
    private let removeWorkers: Statement
    private let connection: Connection
    /// Whether the database can become smaller: it was made by a version that prepared it for that.
    private let canShrink: Bool

    init(_ connection: Connection) throws(StoreError) {
        self.connection = connection
        canShrink = try connection.number("PRAGMA auto_vacuum") == 2
        removeJob = try connection.prepare("DELETE FROM job WHERE id = ? AND state IS NOT NULL RETURNING id")
        raiseLargest = try connection.prepare("UPDATE largest_id SET job = max(job, ?)")
        noteForgotten = try connection.prepare("INSERT INTO forgotten_job (id) VALUES (?)")
        next = try connection.prepare("SELECT id FROM forgotten_job LIMIT 1")
        done = try connection.prepare("DELETE FROM forgotten_job WHERE id = ?")
        // Lengths are read without what they are of.
        results = try connection.prepare(
            "SELECT first, length(body) + length(seconds) + coalesce(length(output), 0) FROM result WHERE job = ? ORDER BY first"
        )
        removeResults = try connection.prepare("DELETE FROM result WHERE job = ? AND first <= ?")
        inputs = try connection.prepare("SELECT first, length(lines) FROM input WHERE job = ? ORDER BY first")
        removeInputs = try connection.prepare("DELETE FROM input WHERE job = ? AND first <= ?")
        removeVotes = try connection.prepare("DELETE FROM vote WHERE job = ?")
        removeWorkers = try connection.prepare("DELETE FROM job_worker WHERE job = ?")
    }

    /// The job is gone, and its number is not given out again.
    func forget(_ id: JobID) throws(StoreError) {
        defer { removeJob.reset() }
        try removeJob.bind(1, id.rawValue)
        guard try removeJob.step() else { throw .conflict("job \(id) has not ended, or is not stored") }
        _ = try removeJob.step()
        for statement in [raiseLargest, noteForgotten] {
            try statement.bind(1, id.rawValue)
            try statement.run()
        }
    }

    /// Removes a little of what forgotten jobs left, or gives a little of the room back. False when nothing is left to do.
    func removeSome() throws(StoreError) -> Bool {
        guard let job = try nextJob() else { return try giveBackSome() }
        for (look, remove) in [(results, removeResults), (inputs, removeInputs)] {
            guard let last = try lastOfGroup(of: job, look) else { continue }
            try remove.bind(1, job)
            try remove.bind(2, last)
            try remove.run()
            return true
        }
        for statement in [removeVotes, removeWorkers, done] {
            try statement.bind(1, job)
            try statement.run()
        }
        return true
    }

    /// Whether there is something to remove, or to give back.
    func hasWork() throws(StoreError) -> Bool {
        if try nextJob() != nil { return true }
        return try spare() > 0
    }

    private func nextJob() throws(StoreError) -> Int64? {
        defer { next.reset() }
        return try next.step() ? next.int64(0) : nil
    }

    /// The first task of the last row that goes with the next group; nil: there is none.
    private func lastOfGroup(of job: Int64, _ look: Statement) throws(StoreError) -> Int64? {
        defer { look.reset() }
        try look.bind(1, job)
        var (last, rows, bytes): (Int64?, Int, Int64) = (nil, 0, 0)
        while rows < Self.rowsMax, bytes < Self.bytesMax, try look.step() {
            last = look.int64(0)
            rows += 1
            bytes &+= look.int64(1)
        }
        return last
    }

    private func giveBackSome() throws(StoreError) -> Bool {
        let spare = try spare()
        guard spare > 0 else { return false }
        try connection.giveBack(pages: min(spare, Self.pagesMax))
        return spare > Self.pagesMax
    }

    /// Free pages that can be given back; 0 or less: none.
    private func spare() throws(StoreError) -> Int64 {
        canShrink ? try connection.number("PRAGMA freelist_count") - Self.pagesKept : 0
    }
}

extension Connection {
    /// Makes the file so many free pages smaller, from its end.
    fileprivate func giveBack(pages: Int64) throws(StoreError) { try run("PRAGMA incremental_vacuum(\(pages))") }
}
