import MusterCore
import MusterStore
import MusterTestKit
import Testing

@testable import MusterPostgres

/// Transactions that wait for a standby, that lose their connections themselves, or of which it is not known whether they are in.
@Suite(.cleansUp, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.programs != nil, Postgres.missing))
struct PostgresDoubtTests {
    private func database() throws -> (server: PostgresServer, name: String) {
        let server = try PostgresServer.shared.get()
        let name = try server.makeDatabase()
        Cleanup.add { server.dropDatabase(name) }
        return (server, name)
    }

    /// Has each write of this key of `muster.meta` run this, and counted.
    private func when(_ key: String, _ body: String, _ server: PostgresServer, _ database: String) throws {
        try server.sql(
            """
            CREATE SEQUENCE public.tries;
            CREATE FUNCTION public.odd() RETURNS trigger LANGUAGE plpgsql AS '
            BEGIN
                IF convert_from(NEW.key, ''UTF8'') = ''\(key)'' THEN PERFORM nextval(''public.tries''); \(body); END IF;
                RETURN NEW;
            END';
            CREATE TRIGGER odd BEFORE INSERT ON muster.meta FOR EACH ROW EXECUTE FUNCTION public.odd();
            """, in: database)
    }

    private func tries(_ server: PostgresServer, _ database: String) throws -> [String] {
        try server.sql("SELECT last_value FROM public.tries", in: database)
    }

    /// Commits these keys in one batch.
    private func together(_ keys: [String], _ store: any Store) async throws -> [StoreError.Code?] {
        let (gate, outcomes) = (Gate(), Outcomes())
        store.commit([]) { _ in gate.wait() }
        for (place, key) in keys.enumerated() {
            store.commit([.setMeta(key: key, value: [1])]) { outcomes.append(place, $0) }
        }
        gate.open()
        try await eventually("all are answered") { outcomes.all.count == keys.count }
        return outcomes.all.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private static let isWaiting =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'muster'"

    private func standby(_ names: String, _ server: PostgresServer) throws {
        try server.sql("ALTER SYSTEM SET synchronous_standby_names = '\(names)'")
        try server.sql("SELECT pg_reload_conf()")
    }

    /// From now on no commit is over. The server needs a while to know that.
    private func awaitNobody(_ server: PostgresServer) async throws {
        try standby("nobody", server)
        try await eventually("commits wait for the standby") { try server.isCommitHeld() }
    }

    /// What an operator cancels is in, and yet the standby does not have it: that is no acknowledgement.
    @Test func aCancelledWaitForAStandbyAcknowledgesNothing() async throws {
        let server = try PostgresServer.ofThisTest()
        let store = try server.openStore(server.url("postgres"))
        let ledger = try await Ledger(store)
        try await awaitNobody(server)
        async let late: Void = ledger.add(0)
        // Whatever fails here, nobody waits for ever.
        defer { try? standby("", server) }
        for _ in 0..<2 {
            try await eventually("it waits for the standby") { try server.sql(Self.isWaiting) == ["1"] }
            let process = try server.sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            try server.sql("SELECT pg_cancel_backend(\(try #require(process.first)))")
            try await eventually("another one waits") {
                let now = try server.sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
                return now.count == 1 && now != process
            }
            #expect(ledger.count == 0 && ledger.allFailures == [])
        }
        try standby("", server)
        await late
        #expect(ledger.count == 1)
        try await ledger.check(store)
        await store.close()
    }

    /// A line that is lost while the server waits for a standby: the sessions that ask what became of it do not pile up there.
    @Test func noSessionsPileUpBehindAStandbyThatIsAway() async throws {
        let server = try PostgresServer.ofThisTest()
        let proxy = CuttingProxy(before: server.port)
        let store = try server.openStore("postgres://muster@127.0.0.1:\(proxy.port)/postgres?sslmode=disable")
        let ledger = try await Ledger(store)
        try await awaitNobody(server)
        proxy.cut(.behind)
        async let late: Void = ledger.add(0)
        // Whatever fails here, nobody waits for ever.
        defer { try? standby("", server) }
        try await eventually("it was asked") { store.trouble?.contains("SyncRep") == true }
        let others = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        try await eventually("who asked is gone") { try server.sql(others) == ["0"] }
        #expect(try server.sql(Self.isWaiting) == ["1"])
        #expect(ledger.count == 0)
        try standby("", server)
        await late
        try await ledger.check(store)
        #expect(ledger.count == 1)
        #expect(store.trouble == nil)
        await store.close()
    }

    /// A write that ends its own connection fails after a while, and the others go on.
    @Test func aWriteThatLosesItsConnectionsFails() async throws {
        let (server, name) = try database()
        let store = try server.openStore(server.url(name))
        try when("odd", "PERFORM pg_terminate_backend(pg_backend_pid())", server, name)
        let outcomes = try await together(["a", "odd", "b"], store)
        #expect(outcomes == [nil, .io(0), nil])
        // Three times with the others, once alone.
        #expect(try tries(server, name) == ["4"])
        #expect(try await store.meta("b") == [1])
        await store.close()
    }

    /// What was tried often enough together is not tried as often for each group.
    @Test func triesAreCountedForAllThatCameTogether() async throws {
        let (server, name) = try database()
        let store = try server.openStore(server.url(name))
        try when("odd", "RAISE EXCEPTION USING ERRCODE = ''40001''", server, name)
        let outcomes = try await together((0..<5).map { "k\($0)" } + ["odd"], store)
        #expect(outcomes == [nil, nil, nil, nil, nil, .io(0)])
        #expect(try tries(server, name) == ["9"])
        await store.close()
    }

    /// It may be stored, and says so.
    @Test func whoIsTakenOverInMidCommitSaysThatItMayBeStored() async throws {
        let (server, name) = try database()
        let proxy = CuttingProxy(before: server.port)
        let store = try server.openStore("postgres://muster@127.0.0.1:\(proxy.port)/\(name)?sslmode=disable")
        try when("odd", "UPDATE muster.writer SET holder = ''other''", server, name)
        proxy.cut(.answer)
        let error = await failure(store, [.setMeta(key: "odd", value: [1])])
        #expect(error?.code == .locked && error?.mayBeStored == true)
        #expect(try server.sql("SELECT count(*) FROM muster.meta", in: name) == ["1"])
        let next = await failure(store, [.setMeta(key: "k", value: [1])])
        #expect(next?.code == .locked && next?.mayBeStored == false)
        await store.close()
    }

    /// Whether there is more to remove was in an answer that did not come through.
    @Test func whatIsLeftIsLookedForAgain() async throws {
        let (server, name) = try database()
        let proxy = CuttingProxy(before: server.port)
        let url = try PostgresURL("postgres://muster@127.0.0.1:\(proxy.port)/\(name)?sslmode=disable")
        let bell = try Bell()
        let link = try WriterLink(url, within: .seconds(10), bell, Trouble(), Outage())
        let session = WriteSession(link, bell)
        proxy.cut(.answer)
        _ = try session.commit([[.removeLeftovers]]).map { try $0.get() }
        #expect(session.leftovers.areThere)
        _ = try session.commit([[.removeLeftovers]]).map { try $0.get() }
        #expect(!session.leftovers.areThere)
        session.close()
    }

    /// A session whose client is gone, which the server does not know yet, has the lock.
    @Test func aWriterEndsItsOwnOldSession() async throws {
        let (server, name) = try database()
        let bell = try Bell()
        let trouble = Trouble()
        let link = try WriterLink(PostgresURL(server.url(name)), within: .seconds(10), bell, trouble, Outage())
        let old = try link.connected()
        link.drop(.unreachable("it", "silence"))
        let new = try link.connected()
        #expect(new.serverProcess != old.serverProcess)
        #expect(throws: StoreError.self) { try old.rows(Query("SELECT 1")) }
        link.close()
    }

    /// Who is not let in changes nothing, not even to a newer form.
    @Test func nobodyMigratesWhatAnotherUses() async throws {
        let (server, name) = try database()
        let store = try server.openStore(server.url(name))
        try server.sql("UPDATE muster.version SET version = 999", in: name)
        #expect {
            _ = try server.openStore(server.url(name))
        } throws: {
            ($0 as? StoreError)?.code == .locked
        }
        await store.close()
    }

    /// `synchronous_commit = off` is overruled, also where a session is told of it later; other values are the operator's.
    @Test(arguments: [("off", "on"), ("local", "local")])
    func whatIsAcknowledgedIsOnDisk(_ set: String, _ used: String) async throws {
        let server = try PostgresServer.ofThisTest()
        let store = try server.openStore(server.url("postgres"))
        try server.sql("CREATE TABLE public.seen (given text, used text)")
        try when(
            "odd",
            """
            INSERT INTO public.seen
                SELECT reset_val, setting FROM pg_settings WHERE name = ''synchronous_commit''
            """, server, "postgres")
        try server.sql("ALTER SYSTEM SET synchronous_commit = '\(set)'")
        try server.sql("SELECT pg_reload_conf()")
        let seen = "SELECT DISTINCT used FROM public.seen WHERE given = '\(set)'"
        try await eventually("the session knows") {
            try await store.commit([.setMeta(key: "odd", value: [1])])
            return try server.sql(seen) != []
        }
        #expect(try server.sql(seen) == [used])
        await store.close()
    }

    /// Nobody reads any more, and yet it shows when the server is there again.
    @Test func anOutageEndsWhereNobodyReads() async throws {
        let server = try PostgresServer.ofThisTest()
        let store = try server.openStore(server.url("postgres"), readWait: .milliseconds(200))
        try server.stop("immediate")
        #expect(await (try? store.meta("k")) == nil)
        #expect(store.trouble != nil)
        try server.start()
        try await eventually("it is over") { store.trouble == nil }
        await store.close()
    }
}
