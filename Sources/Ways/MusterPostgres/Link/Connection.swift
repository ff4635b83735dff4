internal import CPostgres
internal import Glibc
internal import MusterStore

/// One connection, in pipeline mode for its whole life. Belongs to one thread.
///
/// libpq does not block here: it is asked to send and to read when the socket is ready, so that a server that has gone silent
/// ends a wait, too.
final class Connection {
    /// So long may a server say nothing while it is asked something: then the connection counts as lost. An end of a job with all
    /// the tasks that one may have takes less. A machine that is gone is found within half a minute all the same, over TCP
    /// (`PostgresURL.defaults`): this is for a server that is frozen, or that a pooler or a socket stands before.
    static let silenceMax: Duration = .seconds(900)
    /// The same of what takes no time by itself: a COMMIT, and what a new connection is asked.
    static let briefSilenceMax: Duration = .seconds(60)

    /// The URL without its password.
    let place: String
    /// Instead of `silenceMax`, for a connection that is asked for what takes longer, or not as long.
    var silence = Connection.silenceMax
    private let handle: OpaquePointer
    /// Whether another program stands between (PgBouncer): then nothing may be left behind in a session, for each transaction may
    /// run in another one. Statements are not prepared then.
    private(set) var isPooled = true
    /// The server's process, as it says itself.
    private(set) var serverProcess: Int64 = 0
    /// Major times 10,000, as the server tells it: 150018 for 15.18.
    private(set) var serverVersion: Int64 = 0
    /// Names of statements that the server has.
    private var prepared: Set<String> = []
    private let warnings = Warnings()
    /// Once it is rung, silence is borne for less long.
    private let bell: Bell?

    /// Takes over what `connect` made. A pooler has let it in without asking a server: that must answer within `time`.
    init(_ handle: OpaquePointer, place: String, _ bell: Bell?, within time: Duration) throws(StoreError) {
        (self.handle, self.place, self.bell) = (handle, place, bell)
        PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
        PQsetNoticeReceiver(
            handle, { Unmanaged<Warnings>.fromOpaque($0!).takeUnretainedValue().take($1!) },
            Unmanaged.passUnretained(warnings).toOpaque())
        guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else { throw lost() }
        let told = try withSilence(time) { () throws(StoreError) in
            try rows(Query("SELECT pg_backend_pid()::bigint, current_setting('server_version_num')::bigint"))
        }
        serverProcess = told.int64(0, 0)
        serverVersion = told.int64(0, 1)
        // A pooler gives out keys of its own for cancelling.
        isPooled = serverProcess != Int64(PQbackendPID(handle))
    }

    deinit { PQfinish(handle) }

    /// What the server warned of in the last exchange; nil: of nothing.
    var warning: String? { warnings.last }

    /// Has `body` bear the server's silence for so long.
    func withSilence<Value>(_ time: Duration, _ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        let usual = silence
        silence = time
        defer { silence = usual }
        return try body()
    }

    /// The rows of one query outside of a transaction, or as one more of it. Throws what the server says.
    func rows(_ query: Query) throws(StoreError) -> Rows { try rows([query]) }

    /// The rows of the last of these queries, which go out together.
    func rows(_ queries: [Query]) throws(StoreError) -> Rows {
        var last: Rows?
        for answer in try exchange(queries) {
            switch answer {
            case .rows(let rows): last = rows
            case .failed(let error): throw error.storeError(place)
            case .skipped: break
            }
        }
        guard let last else { throw lost() }
        return last
    }

    /// Sends the queries in one go and reads an answer for each. Behind one that fails none is run. Throws `.unreachable` when the
    /// connection is lost: what became of them is not known then.
    func exchange(_ queries: [Query]) throws(StoreError) -> [Answer] {
        warnings.last = nil
        var steps: [String?] = []
        var sent: Set<String> = []
        for query in queries {
            if !isPooled, !prepared.contains(query.sql.name), sent.insert(query.sql.name).inserted {
                steps.append(query.sql.name)
                try send(query, preparing: true)
            }
            steps.append(nil)
            try send(query, preparing: false)
        }
        guard PQpipelineSync(handle) == 1 else { throw lost() }
        var answers: [Answer] = []
        answers.reserveCapacity(queries.count)
        var failure: ServerError?
        for name in steps {
            let answer = try answer()
            if let name {
                switch answer {
                case .rows: prepared.insert(name)
                case .failed(let error): failure = error
                case .skipped: break
                }
            } else if let error = failure {
                // It failed as it was prepared.
                answers.append(.failed(error))
                failure = nil
            } else {
                answers.append(answer)
            }
        }
        try readEnd()
        return answers
    }

    private func send(_ query: Query, preparing: Bool) throws(StoreError) {
        let encoded = EncodedParameters(query.parameters)
        let count = Int32(encoded.types.count)
        let code: Int32
        if preparing {
            code = PQsendPrepare(handle, query.sql.name, query.sql.text, count, encoded.types)
        } else {
            code = encoded.bytes.withUnsafeBytes { bytes in
                let base = bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
                let values = encoded.places.map { $0.length < 0 ? nil : base + $0.start }
                let lengths = encoded.places.map { Int32(max(0, $0.length)) }
                let formats = [Int32](repeating: 1, count: encoded.types.count)
                if isPooled {
                    return PQsendQueryParams(
                        handle, query.sql.text, count, encoded.types, values, lengths, formats, 1)
                }
                return PQsendQueryPrepared(handle, query.sql.name, count, values, lengths, formats, 1)
            }
        }
        guard code == 1 else { throw lost() }
    }

    /// What one step answered, up to the end that libpq marks.
    private func answer() throws(StoreError) -> Answer {
        guard let result = try next() else { throw lost() }
        let status = PQresultStatus(result)
        if status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK {
            let rows = Rows(result)
            guard try next() == nil else { throw lost() }
            return .rows(rows)
        }
        defer { PQclear(result) }
        if status == PGRES_PIPELINE_ABORTED {
            guard try next() == nil else { throw lost() }
            return .skipped
        }
        let error = ServerError(
            sqlstate: field(cpostgres_sqlstate, of: result) ?? "",
            message: [field(cpostgres_message, of: result), field(cpostgres_detail, of: result)].compactMap { $0 }
                .joined(separator: "; "))
        guard error.meaning != .reconnect, PQstatus(handle) == CONNECTION_OK else {
            throw error.sqlstate.isEmpty ? lost() : .unreachable(place, "\(error.message), SQLSTATE \(error.sqlstate)")
        }
        guard try next() == nil else { throw lost() }
        return .failed(error)
    }

    private func readEnd() throws(StoreError) {
        guard let result = try next() else { throw lost() }
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_PIPELINE_SYNC else { throw lost() }
    }

    private func next() throws(StoreError) -> OpaquePointer? {
        while PQisBusy(handle) != 0 {
            let unsent = PQflush(handle)
            guard unsent >= 0 else { throw lost() }
            let events = unsent == 0 ? POLLIN : POLLIN | POLLOUT
            let ready = try wait(Int16(events))
            if ready & Int16(POLLIN | POLLHUP | POLLERR) != 0, PQconsumeInput(handle) == 0 { throw lost() }
        }
        return PQgetResult(handle)
    }

    private func wait(_ events: Int16) throws(StoreError) -> Int16 {
        let start = ContinuousClock.now
        if let ready = waitFor(events, at: PQsocket(handle), since: start, silence, bell) { return ready }
        let seconds = (ContinuousClock.now - start).components.seconds
        throw .unreachable(
            place, "no answer for \(seconds) s" + (bell?.hasRung == true ? ", and the store closes" : ""))
    }

    private func field(_ code: Int32, of result: OpaquePointer) -> String? {
        PQresultErrorField(result, code).map { String(cString: $0) }
    }

    private func lost() -> StoreError {
        let said = String(cString: PQerrorMessage(handle)).oneLine
        return .unreachable(place, said.isEmpty ? "the connection was lost" : said)
    }
}

/// Hears what a server says beside its answers. Of one thread.
private final class Warnings {
    var last: String?

    func take(_ notice: OpaquePointer) {
        func field(_ code: Int32) -> String { PQresultErrorField(notice, code).map { String(cString: $0) } ?? "" }
        guard field(cpostgres_severity) == "WARNING" else { return }
        last = "\(field(cpostgres_message)), SQLSTATE \(field(cpostgres_sqlstate))".oneLine
    }
}

/// What a socket is ready for; nil when the time since `start` is over, or what is left of it once the bell is rung.
func waitFor(
    _ events: Int16, at socket: Int32, since start: ContinuousClock.Instant, _ time: Duration, _ bell: Bell?
) -> Int16? {
    while true {
        let end = min(start + time, bell?.end(ofWaitFrom: start) ?? start + time)
        let now = ContinuousClock.now
        // Looks at the bell each second.
        let left = min(.seconds(1), max(.zero, end - now)).components
        var entry = pollfd(fd: socket, events: events, revents: 0)
        let count = poll(
            &entry, 1, Int32(clamping: left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000))
        if count > 0 { return entry.revents }
        if count < 0, errno != EINTR { return nil }
        if now >= end { return nil }
    }
}
