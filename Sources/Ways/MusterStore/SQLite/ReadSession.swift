internal import MusterCore

/// One connection that only reads, with its statements. Belongs to one reader's thread.
final class ReadSession: LaneSession, @unchecked Sendable {  // the opener hands it to a lane's thread and lets go of it
    private let connection: Connection
    private let begin: Statement
    private let end: Statement
    let jobReads: JobReads
    let recordReads: RecordReads
    let memberReads: MemberReads
    let childReads: ChildReads
    let commandReads: CommandReads
    let trustReads: TrustReads

    init(_ connection: Connection) throws(StoreError) {
        self.connection = connection
        try connection.execute("PRAGMA query_only = ON")
        begin = try connection.prepare("BEGIN")
        end = try connection.prepare("COMMIT")
        jobReads = try JobReads(connection)
        recordReads = try RecordReads(connection)
        memberReads = try MemberReads(connection)
        childReads = try ChildReads(connection)
        commandReads = try CommandReads(connection)
        trustReads = try TrustReads(connection)
    }

    func close() { connection.close() }

    /// Runs `body` on one snapshot of the database, however many statements it takes.
    func snapshot<Value>(_ body: (ReadSession) throws(StoreError) -> Value) -> Result<Value, StoreError> {
        do throws(StoreError) {
            try begin.run()
            let value = try body(self)
            try end.run()
            return .success(value)
        } catch {
            if connection.isInTransaction { try? end.run() }
            return .failure(error)
        }
    }

    /// Unfinished jobs with such ids, with what is recorded of each, and votes on what is not.
    func unfinished(_ ids: ClosedRange<Int64>) throws(StoreError) -> [RestoredJob] {
        try jobReads.unfinishedJobs(ids).map { (job) throws(StoreError) in
            var job = job
            job.votes = try trustReads.votes(of: job.job.record.id)
            return job
        }
    }
}
