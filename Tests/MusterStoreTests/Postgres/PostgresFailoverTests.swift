import Glibc
import MusterCore
import MusterStore
import MusterTestKit
import Testing

@testable import MusterPostgres

/// A primary that is lost, and its standby promoted.
@Suite(.cleansUp, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.programs != nil, Postgres.missing))
struct PostgresFailoverTests {
    /// A primary with a standby that has all it has, and the URL that names both.
    private func pair() throws -> (primary: PostgresServer, standby: PostgresServer, url: String) {
        let primary = try PostgresServer.ofThisTest(settings: ["wal_keep_size = 64MB"])
        let standby = try PostgresServer(copying: primary)
        Cleanup.add { standby.end() }
        let url =
            "postgres://muster@127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)/postgres?sslmode=disable"
        return (primary, standby, url)
    }

    @Test func aPromotedStandbyGoesOn() async throws {
        let (primary, standby, url) = try pair()
        try primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        try primary.sql("SELECT pg_reload_conf()")
        try await eventually("the standby is synchronous") {
            try primary.sql("SELECT sync_state FROM pg_stat_replication") == ["sync"]
        }
        let store = try primary.openStore(url)
        let ledger = try await Ledger(store)
        try await ledger.write {
            try await ledger.more()
            try primary.kill()
            try standby.run("pg_ctl -D \(standby.folder)/data -w -t 60 promote")
            try await ledger.more()
        }
        try await ledger.check(store)
        await store.close()
    }

    /// One that did not have all that was acknowledged: to go on as if nothing were missing would be worse than to stop.
    @Test func aStandbyThatLacksWhatWasAcknowledged() async throws {
        let (primary, standby, url) = try pair()
        let store = try primary.openStore(url)
        let ledger = try await Ledger(store)
        await ledger.add(0)
        try await eventually("the standby has it") {
            try primary.sql("SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()") == ["1"]
        }
        try standby.stop("fast")
        await ledger.add(1)
        await ledger.add(2)
        #expect(ledger.count == 3)
        try primary.kill()
        try standby.start()
        try standby.run("pg_ctl -D \(standby.folder)/data -w -t 60 promote")
        let lost = await failure(store, Ledger.group(3))
        #expect(lost?.code == .corrupt && lost?.isRetryable == false)
        #expect(lost?.message.contains("synchronous_standby_names") == true)
        #expect(await failure(store, Ledger.group(4))?.code == .corrupt, "and nothing more")
        #expect(store.trouble != nil)
        await store.close()
        // The next start goes on from what is there.
        let again = try primary.openStore(url)
        #expect(try await again.job(JobID(1))?.done == 1)
        try await again.commit(Ledger.group(1))
        await again.close()
    }

    /// An old primary that lives on cut off from the others: what was connected with it must not be read from any more.
    @Test func readersGoAlongToANewServer() async throws {
        let (primary, standby, _) = try pair()
        let proxy = CuttingProxy(before: primary.port)
        let store = try primary.openStore(
            "postgres://muster@127.0.0.1:\(proxy.port),127.0.0.1:\(standby.port)/postgres?sslmode=disable")
        try await store.commit([.setMeta(key: "k", value: [1])])
        for _ in 0..<20 { #expect(try await store.meta("k") == [1]) }
        try await eventually("the standby has it") {
            try primary.sql("SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()") == ["1"]
        }
        try standby.run("pg_ctl -D \(standby.folder)/data -w -t 60 promote")
        // The readers' connections with the old one go on; the writer loses its own, and comes to the new one.
        proxy.refuseOthers()
        proxy.cut(.before)
        try await store.commit([.setMeta(key: "k", value: [2])])
        #expect(proxy.count == 1)
        // The old one can be reached again, and is the first that is tried.
        proxy.refuseOthers(false)
        for _ in 0..<20 { #expect(try await store.meta("k") == [2]) }
        await store.close()
    }

    /// Where only a standby answers, it is as if there were no server yet.
    @Test func aStandbyIsNoServerToWriteTo() async throws {
        let (_, standby, _) = try pair()
        var limits = PostgresStore.Limits()
        limits.openWait = .zero
        for attributes in ["", "?target_session_attrs=read-write"] {
            let url = try PostgresURL("postgres://muster@127.0.0.1:\(standby.port)/postgres\(attributes)")
            #expect {
                _ = try PostgresStore(url, limits: limits)
            } throws: {
                ($0 as? StoreError)?.code == .unreachable
            }
        }
    }
}
