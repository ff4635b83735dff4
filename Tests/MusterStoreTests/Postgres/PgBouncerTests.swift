import Glibc
import MusterCore
import MusterStore
import MusterTestKit
import Testing

@testable import MusterPostgres

/// What differs behind PgBouncer in transaction mode; the suite runs there, too.
@Suite(
    .cleansUp, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.programs != nil, Postgres.missing),
    .enabled(if: PgBouncer.program != nil, "PgBouncer is not installed (Debian: pgbouncer)"))
struct PgBouncerTests {
    private func place() throws -> (server: PostgresServer, direct: String, pooled: String) {
        let server = try PostgresServer.shared.get()
        let name = try server.makeDatabase()
        Cleanup.add { server.dropDatabase(name) }
        return (server, server.url(name), try PgBouncer.shared.get().url(name))
    }

    @Test func aPoolerIsSeen() throws {
        let (_, direct, pooled) = try place()
        #expect(try !Connection.open(PostgresURL(direct)).isPooled)
        #expect(try Connection.open(PostgresURL(pooled)).isPooled)
    }

    /// Nothing of a store is left behind in sessions that others get: no prepared statement, no lock, no setting.
    @Test func nothingStaysInASession() async throws {
        let (server, direct, pooled) = try place()
        let store = try server.openStore(pooled)
        let ledger = try await Ledger(store)
        for task in 0..<20 { await ledger.add(task) }
        try await ledger.check(store)
        let other = try Connection.open(PostgresURL(pooled))
        for _ in 0..<8 {
            #expect(try other.rows(Query("SELECT count(*) FROM pg_prepared_statements")).int(0, 0) == 0)
            #expect(
                try other.rows(Query("SELECT current_setting('idle_in_transaction_session_timeout')")).text(0, 0)
                    == "0")
        }
        let look = try Connection.open(PostgresURL(direct))
        #expect(
            try look.rows(
                Query(
                    """
                    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
                        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    """)
            ).int(0, 0) == 0)
        await store.close()
    }

    /// A pooler lets in at once whom no server has a session for: that waits no longer than a connection's making may take.
    @Test func aPoolerWithoutAFreeSession() throws {
        let (_, _, pooled) = try place()
        var others: [Connection] = []
        for _ in 0..<4 {
            let one = try Connection.open(PostgresURL(pooled))
            _ = try one.rows(Query("BEGIN"))
            others.append(one)
        }
        let start = ContinuousClock.now
        #expect {
            _ = try Connection.open(PostgresURL(pooled + "&connect_timeout=2"))
        } throws: {
            ($0 as? StoreError)?.code == .unreachable && "\($0)".contains("no answer")
        }
        #expect(.now - start < Connection.briefSilenceMax)
        _ = try others[0].rows(Query("ROLLBACK"))
        #expect(try Connection.open(PostgresURL(pooled)).isPooled)
    }

    /// As no lock of a session can keep it out, the second takes over, and the first writes nothing any more.
    @Test func theSecondTakesOver() async throws {
        let (server, _, pooled) = try place()
        let first = try server.openStore(pooled)
        let ledger = try await Ledger(first)
        await ledger.add(0)
        let second = try server.openStore(pooled)
        let late = await failure(first, Ledger.group(1))
        #expect(late?.code == .locked && late?.isRetryable == false)
        #expect(first.trouble != nil)
        try await second.commit(Ledger.group(1))
        #expect(await failure(first, [.setMeta(key: "k", value: [1])])?.code == .locked)
        #expect(try await second.job(JobID(1))?.done == 2)
        #expect(try await second.machines().map(\.tasks) == [2])
        await first.close()
        await second.close()
    }
}
