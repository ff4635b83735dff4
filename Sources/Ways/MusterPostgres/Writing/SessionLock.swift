internal import MusterStore

/// The advisory lock of the writer's session, which keeps a second coordinator out where no pooler stands between, and what is set for
/// the session.
struct SessionLock {
    /// So long is a session waited for whose process ended on the server's machine.
    private static let localMax: Duration = .seconds(5)
    /// So long is one waited for whose machine is gone: the server sees it after 25 s (`patience`).
    private static let remoteMax: Duration = .seconds(35)
    /// "Must" in ASCII, and 1.
    static let key: Int64 = 0x4D75_7374_0001

    private static let take = SQL("SELECT pg_try_advisory_lock($1)")
    // A server that has lost this client must not keep its row locked for hours.
    private static let patience = SQL(
        """
        SELECT set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
            set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '20000', false),
            set_config('idle_in_transaction_session_timeout', '60000', false)
        """)
    // From version 14 on, and not on every system.
    private static let lookForClient = SQL("SELECT set_config('client_connection_check_interval', '10000', false)")
    private static let who = SQL(
        """
        SELECT coalesce(a.application_name, '?') || ', process ' || l.pid || ' of the server, from '
            || coalesce(host(a.client_addr), 'its own machine'), a.client_addr IS NOT NULL
        FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND l.classid::bigint = $1 >> 32 AND l.objid::bigint = $1 & 4294967295 AND l.granted LIMIT 1
        """)
    private static let began = SQL(
        """
        SELECT (extract(epoch FROM backend_start) * 1000000)::bigint FROM pg_stat_activity WHERE pid = pg_backend_pid()
        """)
    // What waits for a standby has done its part, and ends when the standby has it.
    private static let end = SQL(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid = $1 AND (extract(epoch FROM backend_start) * 1000000)::bigint = $2 AND wait_event IS DISTINCT FROM 'SyncRep'
        """)

    private let bell: Bell
    /// The server's process that had the lock last, and when it began: another one gets its number some day.
    private var owner: (process: Int64, began: Int64)?

    init(_ bell: Bell) { self.bell = bell }

    /// Sets what a writer's session is to have, and ends the one before, which may not know yet that its client is gone.
    func settle(_ connection: Connection) throws(StoreError) {
        guard !connection.isPooled else { return }
        _ = try connection.rows(Query(Self.patience))
        _ = try connection.exchange([Query(Self.lookForClient)])
        if let owner { _ = try connection.rows(Query(Self.end, .int(owner.process), .int(owner.began))) }
    }

    /// Throws `.locked` when another session has the lock, and keeps it. `isWaiting` hears who has it, once that takes long.
    mutating func take(_ connection: Connection, isWaiting: (StoreError) -> Void) throws(StoreError) {
        guard !connection.isPooled else { return }
        let start = ContinuousClock.now
        var isTold = false
        while try !connection.rows(Query(Self.take, .int(Self.key))).flag(0, 0) {
            if bell.hasRung || .now - start >= Self.localMax {
                let (error, isRemote) = try taken(connection)
                guard isRemote, .now - start < Self.remoteMax, !bell.hasRung else { throw error }
                if !isTold { isWaiting(error) }
                isTold = true
            }
            _ = bell.sleep(for: .milliseconds(50))
        }
        let began = try connection.rows(Query(Self.began))
        owner = began.count == 1 ? (connection.serverProcess, began.int64(0, 0)) : nil
    }

    private func taken(_ connection: Connection) throws(StoreError) -> (StoreError, isRemote: Bool) {
        let who = try connection.rows(Query(Self.who, .int(Self.key)))
        let error = StoreError(
            .locked,
            "another coordinator uses \(connection.place) (\(who.count == 1 ? who.text(0, 0) : "it is just ending")): end it, or give "
                + "this one another database", isRetryable: true)
        return (error, who.count == 1 && who.flag(0, 1))
    }
}
