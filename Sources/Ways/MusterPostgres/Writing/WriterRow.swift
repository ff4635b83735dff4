internal import MusterCrypto
internal import MusterStore

/// The one row of `muster.writer`: who may write, and the number of its last transaction.
///
/// What is asked of it is itself a write: a server, or its standby, that has the answer has all that the answer tells of. (A transaction
/// whose wait for a standby was cancelled, or cut short by a crash, can be seen, though the standby does not have it.)
struct WriterRow {
    /// So long is a transaction waited for that still runs at the server for a connection that is lost. Each that waited longer
    /// would be one more there.
    private static let lockWait = "5s"
    private static let takeOver = SQL("UPDATE muster.writer SET holder = $1, commits = 0 RETURNING ctid::text")
    private static let ask = SQL(
        "UPDATE muster.writer SET commits = commits WHERE holder = $1 RETURNING ctid::text, commits")
    private static let fence = SQL(
        """
        UPDATE muster.writer SET commits = $2 WHERE holder = $1 AND commits = $2 - 1 RETURNING ctid::text
        """)
    // While somebody holds an old snapshot all former versions of the row stay: to pass over them takes longer with each transaction.
    private static let fenceThere = SQL(
        """
        UPDATE muster.writer SET commits = $2 WHERE ctid = $3::tid AND holder = $1 AND commits = $2 - 1
        RETURNING ctid::text
        """)
    /// Asked anew in each transaction: an administrator may change it for sessions that are there, and behind a pooler each may have
    /// another one.
    private static let onDisk = Query(
        "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'")

    let holder = randomBytes(16)
    /// Where the row is; nil: it has to be looked for.
    private var place: String?
    private var nextPlace: String?

    /// What a transaction begins with; the last one is the fence.
    func beginning(_ number: Int64, _ connection: Connection) -> [Query] {
        var queries = Self.opening(connection)
        if let place {
            queries.append(Query(Self.fenceThere, .bytes(holder), .int(number), .word(place)))
        } else {
            queries.append(Query(Self.fence, .bytes(holder), .int(number)))
        }
        return queries
    }

    private static func opening(_ connection: Connection) -> [Query] {
        var queries = [Query("BEGIN ISOLATION LEVEL READ COMMITTED"), onDisk]
        // Behind a pooler, what is set for a session would be another client's.
        if connection.isPooled { queries.append(Query("SET LOCAL idle_in_transaction_session_timeout = '60s'")) }
        return queries
    }

    enum Fence { case passed, movedElsewhere, closed }

    /// What the fence's answer means.
    mutating func passed(_ rows: Rows) -> Fence {
        if rows.affected == 1 {
            nextPlace = rows.text(0, 0)
            return .passed
        }
        // Tables can be written anew, and rows are elsewhere then.
        defer { place = nil }
        return place == nil ? .closed : .movedElsewhere
    }

    /// The transaction whose fence was passed is committed.
    mutating func committed() { place = nextPlace }

    /// This writer, from its first transaction on.
    mutating func takeOver(_ connection: Connection) throws(StoreError) {
        let rows = try change(Query(Self.takeOver, .bytes(holder)), connection)
        guard rows.count == 1 else { throw .damaged(connection.place, "muster.writer has \(rows.count) rows") }
        place = rows.text(0, 0)
    }

    /// The number of the last transaction; nil when the row names another. Waits for one that still runs.
    mutating func ask(_ connection: Connection) throws(StoreError) -> Int64? {
        let rows = try change(Query(Self.ask, .bytes(holder)), connection)
        place = rows.count == 1 ? rows.text(0, 0) : nil
        return rows.count == 1 ? rows.int64(0, 1) : nil
    }

    private func change(_ query: Query, _ connection: Connection) throws(StoreError) -> Rows {
        let queries =
            Self.opening(connection) + [
                Query(SQL("SELECT set_config('lock_timeout', $1, true)"), .word(Self.lockWait)), query, Query("COMMIT"),
            ]
        var changed: Rows?
        for (step, answer) in try connection.exchange(queries).enumerated() {
            switch answer {
            case .rows(let rows) where step == queries.count - 2: changed = rows
            case .failed(let error) where error.sqlstate == "55P03": throw stillRuns(connection.place, error)
            case .failed(let error): throw error.storeError(connection.place)
            case .rows, .skipped: break
            }
        }
        if let warning = connection.warning { throw .unreachable(connection.place, warning) }
        guard let changed else { throw .unreachable(connection.place, "it did not answer in full") }
        return changed
    }

    private func stillRuns(_ place: String, _ error: ServerError) -> StoreError {
        StoreError(
            .unreachable,
            "a transaction of a connection that is lost still runs at the server of \(place) after \(Self.lockWait) (\(error.message)): "
                + "see pg_stat_activity there; one whose wait_event is SyncRep waits for a standby of synchronous_standby_names "
                + "that is away", isRetryable: true)
    }
}
