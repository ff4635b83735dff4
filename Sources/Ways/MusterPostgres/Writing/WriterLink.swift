internal import Glibc
internal import MusterStore
internal import Synchronization

/// The writer's connection, made anew whenever it is lost, and what makes it the only writer.
///
/// Each transaction changes the one row of `muster.writer` from the number before to its own, if the row still names this writer.
/// So a late transaction of one that was taken over from changes nothing, and after a connection was lost in mid-commit the row
/// tells whether that transaction is in: asking locks the row, and so waits for a transaction that still runs. (Numbers of the
/// server's own, `txid_status`, would not do: while a transaction runs they say so, and a promoted standby gives the numbers of those
/// that it never had to others.)
///
/// Without a pooler an advisory lock of the session keeps a second coordinator out; behind one, the second takes over from the first.
final class WriterLink {
    private let url: PostgresURL
    private let bell: Bell
    private let trouble: Trouble
    private let outage: Outage
    private var row = WriterRow()
    private var lock: SessionLock
    private var connection: Connection?
    /// What readers hold a server to.
    let mark: WriterMark
    /// The number of the last transaction that is known to be committed.
    private(set) var commits: Int64 = 0 { didSet { mark.commits.store(commits, ordering: .releasing) } }
    /// The next one was to be committed, and no answer came.
    private var isInDoubt = false
    /// Why nothing can be written any more.
    private var end: StoreError?

    /// Connects, takes the database, and only then migrates it; what cannot be reached is tried again for `wait`.
    init(
        _ url: PostgresURL, within wait: Duration, _ bell: Bell, _ trouble: Trouble, _ outage: Outage
    ) throws(StoreError) {
        (self.url, self.bell, self.trouble, self.outage) = (url, bell, trouble, outage)
        lock = SessionLock(bell)
        mark = WriterMark(holder: row.holder)
        let deadline = ContinuousClock.now + wait
        var pause = Pause()
        while true {
            do throws(StoreError) {
                connection = try taken()
                trouble.note(nil)
                return
            } catch {
                guard error.code == .unreachable, .now < deadline else { throw error }
                _ = bell.sleep(for: pause.take())
            }
        }
    }

    private func taken() throws(StoreError) -> Connection {
        let connection = try Connection.open(url, bell)
        try connection.withSilence(Connection.briefSilenceMax) { () throws(StoreError) in
            try lock.settle(connection)
            try lock.take(connection) { trouble.note($0.message) }
            try Schema.migrate(connection)
            try row.takeOver(connection)
        }
        return connection
    }

    /// Whether an earlier process left something of forgotten jobs to remove.
    func hasLeftovers() throws(StoreError) -> Bool {
        try connected().rows(Query(ForgettingWrites.isLeft)).flag(0, 0)
    }

    /// What a transaction begins with; the last one is the fence.
    func beginning(_ number: Int64, _ connection: Connection) -> [Query] { row.beginning(number, connection) }

    /// What the fence answered. False: the row is elsewhere, and the transaction is to begin anew. Throws `.locked` when it is another's.
    func isOpen(_ fence: Rows) throws(StoreError) -> Bool {
        switch row.passed(fence) {
        case .passed: return true
        case .movedElsewhere: return false
        case .closed: throw fenced()
        }
    }

    /// A connection on which `commits` is what the server has; waits for one, however long that takes, but at the store's end.
    func connected() throws(StoreError) -> Connection {
        if let end { throw end }
        if let connection { return connection }
        var pause = Pause()
        var last: StoreError?
        while true {
            try checkIsNotOver(last)
            do throws(StoreError) {
                let connection = try Connection.open(url, bell)
                try connection.withSilence(Connection.briefSilenceMax) { () throws(StoreError) in try check(connection)
                }
                self.connection = connection
                outage.mayBeAnotherServer()
                trouble.note(nil)
                return connection
            } catch {
                if end != nil { throw error }
                // Of itself it is not mended: what would wait for it would wait for ever.
                if error.code == .corrupt { throw ended(.corrupt, error.message) }
                trouble.note(error.message)
                last = error
                // Once it is rung, it lets nobody sleep.
                if bell.sleep(for: pause.take()) { usleep(100_000) }
            }
        }
    }

    /// The next transaction is about to be committed: only its answer, or the server when it is asked, tells whether it is.
    func committing() { isInDoubt = true }

    func committed(_ number: Int64) {
        row.committed()
        (commits, isInDoubt) = (number, false)
    }

    /// The server said that it is not.
    func notCommitted() { isInDoubt = false }

    /// The connection is of no use any more.
    func drop(_ error: StoreError) {
        connection = nil
        trouble.note(error.message)
    }

    func close() { connection = nil }

    // MARK: What a new connection is asked

    private func check(_ connection: Connection) throws(StoreError) {
        try lock.settle(connection)
        guard let stored = try row.ask(connection) else { throw fenced() }
        switch stored - commits {
        case 0: break
        case 1 where isInDoubt: commits = stored
        default:
            throw ended(
                .corrupt,
                "the server of \(url) has lost what it had acknowledged (its transaction \(stored), not \(commits), is the last): a "
                    + "standby was promoted that did not have it all, or a backup restored. Start the coordinator again to go on "
                    + "from what is there, and see synchronous_standby_names")
        }
        isInDoubt = false
        try lock.take(connection) { trouble.note($0.message) }
    }

    // MARK: The end

    /// The row of `muster.writer` is not as this writer left it.
    private func fenced() -> StoreError {
        ended(
            .locked,
            "another coordinator has taken \(url) over, or its server went back to an older state: this one writes nothing any more; "
                + "end it")
    }

    /// Throws when the store closes and has waited long enough.
    private func checkIsNotOver(_ last: StoreError?) throws(StoreError) {
        guard bell.isOver else { return }
        throw ended(
            .unreachable,
            "the store was closed while its server was away (\(last?.message ?? "no connection was tried any more")): nothing more is "
                + "written; start it again", isRetryable: true)
    }

    /// Nothing is written from here on. What was in doubt stays so.
    private func ended(_ code: StoreError.Code, _ message: String, isRetryable: Bool = false) -> StoreError {
        connection = nil
        let error = StoreError(code, message, isRetryable: isRetryable)
        trouble.end(message)
        end = error
        return isInDoubt
            ? StoreError(
                code, "it was just being committed, and may be stored or not, which the next start shows: \(message)",
                isRetryable: isRetryable, mayBeStored: true) : error
    }
}
