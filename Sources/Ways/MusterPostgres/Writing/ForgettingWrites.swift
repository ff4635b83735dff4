internal import MusterCore
internal import MusterStore

/// Writes that make ended jobs as if they had never been. A job is gone at once, for everybody; what it leaves in other tables
/// goes in small groups afterwards, so that other writes do not wait for it. The room is the server's to use again (autovacuum).
enum ForgettingWrites {
    /// One group: so many rows of a table, or fewer where they hold so many bytes.
    private static let rowsMax = 2_000
    private static let bytesMax = 4 << 20

    private static let removeJob = SQL("DELETE FROM muster.job WHERE id = $1 AND state IS NOT NULL")
    private static let raiseLargest = SQL("UPDATE muster.largest_id SET job = greatest(job, $1)")
    private static let noteForgotten = SQL("INSERT INTO muster.forgotten_job (id) VALUES ($1)")

    // Lengths are read without what they are of. The first row always goes, however large it is.
    private static func removeRows(of table: String, bytes: String) -> SQL {
        SQL(
            """
            DELETE FROM muster.\(table) WHERE ctid = ANY (ARRAY(
                SELECT place FROM (
                    SELECT place, sum(bytes) OVER (ORDER BY first) - bytes AS before FROM (
                        SELECT ctid AS place, first, \(bytes) AS bytes FROM muster.\(table)
                        WHERE job = (SELECT min(id) FROM muster.forgotten_job) ORDER BY first LIMIT $1) r) s
                WHERE before < $2))
            """)
    }

    private static let removeResults = removeRows(
        of: "result", bytes: "octet_length(body) + octet_length(seconds) + coalesce(octet_length(output), 0)")
    private static let removeInputs = removeRows(of: "input", bytes: "octet_length(lines)")
    private static let removeVotes = SQL(
        "DELETE FROM muster.vote WHERE job = (SELECT min(id) FROM muster.forgotten_job)")
    private static let removeWorkers = SQL(
        "DELETE FROM muster.job_worker WHERE job = (SELECT min(id) FROM muster.forgotten_job)")
    private static let done = SQL(
        """
        DELETE FROM muster.forgotten_job f WHERE id = (SELECT min(id) FROM muster.forgotten_job)
            AND NOT EXISTS (SELECT 1 FROM muster.result WHERE job = f.id)
            AND NOT EXISTS (SELECT 1 FROM muster.input WHERE job = f.id)
        """)
    /// Whether there is something to remove.
    static let isLeft = SQL("SELECT EXISTS (SELECT 1 FROM muster.forgotten_job)")

    /// The job is gone, and its number is not given out again.
    static func forget(_ id: JobID) -> [PlannedQuery] {
        [
            PlannedQuery(
                removeJob, .int(id.rawValue),
                check: .writes(1) { "job \(id) has not ended, or is not stored" }),
            PlannedQuery(raiseLargest, .int(id.rawValue)), PlannedQuery(noteForgotten, .int(id.rawValue)),
        ]
    }

    /// Removes a little of what forgotten jobs left.
    static func removeSome() -> [PlannedQuery] {
        [
            PlannedQuery(removeResults, .int(rowsMax), .int(bytesMax)),
            PlannedQuery(removeInputs, .int(rowsMax), .int(bytesMax)), PlannedQuery(removeVotes),
            PlannedQuery(removeWorkers), PlannedQuery(done), PlannedQuery(isLeft, check: .leftovers),
        ]
    }
}
