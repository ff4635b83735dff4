internal import MusterCore
internal import MusterStore

/// One connection that only reads; made when it is first needed, and anew when it is lost. Belongs to one reader's thread.
final class ReadSession: LaneSession, @unchecked Sendable {  // the opener hands it to a lane's thread and lets go of it
    private let url: PostgresURL
    private let bell: Bell
    private let outage: Outage
    private let mark: WriterMark
    private let waitMax: Duration
    private var connection: Connection?
    /// Of `outage`, when the connection was made.
    private var server = 0
    private var hasBegun = false

    /// A read that meets no server is tried again for `waitMax`, then it fails.
    init(_ url: PostgresURL, _ bell: Bell, _ outage: Outage, _ mark: WriterMark, waitMax: Duration) {
        (self.url, self.bell, self.outage, self.mark, self.waitMax) = (url, bell, outage, mark, waitMax)
    }

    /// For messages: the URL without its password.
    var place: String { url.description }

    var jobs: JobReads { JobReads(session: self) }
    var records: RecordReads { RecordReads(session: self) }
    var members: MemberReads { MemberReads(session: self) }
    var children: ChildReads { ChildReads(session: self) }
    var commands: CommandReads { CommandReads(session: self) }
    var trust: TrustReads { TrustReads(session: self) }

    func close() { connection = nil }

    /// Runs `body` on one snapshot of the database, however many statements it takes; again from its beginning, on a new connection,
    /// where one is lost.
    func snapshot<Value>(_ body: (ReadSession) throws(StoreError) -> Value) -> Result<Value, StoreError> {
        // At the store's end, those that are queued behind one that met no server do not each wait for it.
        if let refusal = bell.hasRung ? outage.now : outage.refusal(after: waitMax) { return .failure(refusal) }
        let end = outage.end(after: waitMax)
        var pause = Pause()
        while true {
            hasBegun = false
            do throws(StoreError) {
                let value = try body(self)
                if hasBegun { _ = try connected().rows(Query("COMMIT")) }
                outage.over()
                return .success(value)
            } catch {
                guard error.code == .unreachable else {
                    finish()
                    return .failure(error)
                }
                connection = nil
                outage.failed(error)
                guard .now < end, !bell.sleep(for: pause.take()) else { return .failure(error) }
            }
        }
    }

    func rows(_ sql: SQL, _ parameters: Parameter...) throws(StoreError) -> Rows {
        try all([Query(sql, parameters)])[0]
    }

    /// The rows of each of these queries, which go out together.
    func all(_ queries: [Query]) throws(StoreError) -> [Rows] {
        let connection = try connected()
        let beginning =
            hasBegun ? [] : [Query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")]
        hasBegun = true
        return try connection.exchange(beginning + queries).dropFirst(beginning.count).map {
            (answer) throws(StoreError) in
            switch answer {
            case .rows(let rows): return rows
            case .failed(let error): throw error.storeError(place)
            case .skipped: throw .unreachable(place, "a statement before this one failed")
            }
        }
    }

    private func connected() throws(StoreError) -> Connection {
        if let connection, hasBegun || server == outage.server { return connection }
        server = outage.server
        do throws(StoreError) {
            let connection = try Connection.open(url, bell) { (one) throws(StoreError) in try mark.check(one) }
            self.connection = connection
            return connection
        } catch {
            // It may be mended while this runs, as a wrong password may: reads wait for that as the writer does.
            guard case .io = error.code else { throw error }
            throw StoreError(.unreachable, error.message, isRetryable: true)
        }
    }

    /// After a failure: nothing of the transaction may be left.
    private func finish() {
        guard hasBegun, let connection else { return }
        if (try? connection.rows(Query("ROLLBACK"))) == nil { self.connection = nil }
    }

    /// Unfinished jobs with such ids, with what is recorded of each, and votes on what is not.
    func unfinished(_ only: JobID?) throws(StoreError) -> [RestoredJob] {
        try jobs.unfinished(only).map { (job) throws(StoreError) in
            var job = job
            job.votes = try trust.votes(of: job.job.record.id)
            return job
        }
    }
}

extension StoreError {
    /// What no write of this program left there.
    static func damaged(_ place: String, _ said: String) -> StoreError {
        StoreError(
            .corrupt,
            "the database \(place) is damaged (\(said)): it must not be written from outside; restore the server's backup, and "
                + "start again", isRetryable: false)
    }
}
