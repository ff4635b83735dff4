import Glibc
import MusterCore
import MusterStore
import MusterTestKit
import Testing

@testable import MusterPostgres

/// What becomes of writes and reads when the server, or the line to it, fails: nothing acknowledged is lost, nothing is there twice.
@Suite(.cleansUp, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.programs != nil, Postgres.missing))
struct PostgresFaultTests {
    @Test(arguments: CuttingProxy.Cut.allCases) func aLineCutInMidCommit(_ cut: CuttingProxy.Cut) async throws {
        let server = try PostgresServer.shared.get()
        let database = try server.makeDatabase()
        Cleanup.add { server.dropDatabase(database) }
        let proxy = CuttingProxy(before: server.port)
        let store = try server.openStore("postgres://muster@127.0.0.1:\(proxy.port)/\(database)?sslmode=disable")
        let ledger = try await Ledger(store)
        for task in 0..<10 {
            proxy.cut(cut)
            await ledger.add(task)
        }
        #expect(proxy.count == 10)
        #expect(ledger.count == 10)
        try await ledger.check(store)
        await store.close()
    }

    enum End: CaseIterable { case kill, immediate, fast }

    @Test(arguments: End.allCases) func aServerThatEndsAndComesBack(_ end: End) async throws {
        let server = try PostgresServer.ofThisTest()
        let url = server.url("postgres")
        let store = try server.openStore(url)
        let ledger = try await Ledger(store)
        try await ledger.write {
            for _ in 0..<3 {
                try await ledger.more()
                switch end {
                case .kill: try server.kill()
                case .immediate: try server.stop("immediate")
                case .fast: try server.stop("fast")
                }
                try await eventually("the store knows") { store.trouble != nil }
                try server.start()
            }
            try await ledger.more()
        }
        #expect(store.trouble == nil)
        try await ledger.check(store)
        await store.close()
        let again = try server.openStore(url)
        try await ledger.check(again)
        await again.close()
    }

    @Test func whatWaitsForAServerIsBounded() async throws {
        let server = try PostgresServer.ofThisTest()
        let store = try server.openStore(server.url("postgres"), readWait: .milliseconds(200), groupsMax: 4)
        try await store.commit([.setMeta(key: "k", value: [1])])
        try server.stop("immediate")
        let outcomes = Outcomes()
        for number in 0..<4 { store.commit([.setMeta(key: "\(number)", value: [1])]) { outcomes.append(number, $0) } }
        let refused = await failure(store, [.setMeta(key: "more", value: [1])])
        #expect(refused?.code == .overloaded && refused?.isRetryable == true)
        await #expect {
            _ = try await store.meta("k")
        } throws: {
            ($0 as? StoreError)?.code == .unreachable && ($0 as? StoreError)?.isRetryable == true
        }
        #expect(outcomes.all.isEmpty)
        try server.start()
        try await eventually("they are committed") { outcomes.all.count == 4 }
        #expect(outcomes.all.allSatisfy { $0.1 == nil })
        #expect(try await store.meta("3") == [1])
        await store.close()
    }

    /// However many wait: those behind the first ones do not each wait as long as these did.
    @Test func manyReadsWithoutAServer() async throws {
        let server = try PostgresServer.ofThisTest()
        let store = try server.openStore(server.url("postgres"), readWait: .seconds(4))
        try await store.commit([.setMeta(key: "k", value: [1])])
        try server.stop("immediate")
        let failed = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<1_000 {
                group.addTask {
                    do {
                        _ = try await store.meta("k")
                        return false
                    } catch { return (error as? StoreError)?.code == .unreachable }
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(failed == 1_000)
        // Nobody wrote, and yet it is known.
        #expect(store.trouble != nil)
        try server.start()
        try await eventually("a read") { (try? await store.meta("k")) == [1] }
        #expect(store.trouble == nil)
        await store.close()
    }

    /// Groups that nobody could commit fail in the end, so that the process can end.
    @Test func aStoreClosesWithoutItsServer() async throws {
        let server = try PostgresServer.ofThisTest()
        let store = try server.openStore(server.url("postgres"))
        try await store.commit([.setMeta(key: "k", value: [1])])
        try server.stop("immediate")
        let outcomes = Outcomes()
        store.commit([.setMeta(key: "late", value: [1])]) { outcomes.append(1, $0) }
        await store.close()
        #expect(outcomes.all.map(\.1) == [.unreachable])
    }

    @Test func aServerWithoutAFreeConnection() async throws {
        let server = try PostgresServer.ofThisTest(settings: [
            "max_connections = 8", "superuser_reserved_connections = 0",
        ])
        let url = server.url("postgres")
        let store = try server.openStore(url, readWait: .milliseconds(200))
        try await store.commit([.setMeta(key: "k", value: [1])])
        var others: [Connection] = []
        while let one = try? Connection.open(PostgresURL(url)) { others.append(one) }
        #expect(others.count == 7)
        // The writer has its connection already; a reader gets none.
        try await store.commit([.setMeta(key: "k", value: [2])])
        await #expect {
            _ = try await store.meta("k")
        } throws: {
            ($0 as? StoreError)?.code == .unreachable && "\($0)".contains("53300")
        }
        others = []
        try await eventually("a read") { (try? await store.meta("k")) == [2] }
        await store.close()
    }

    @Test func aStatementTimeout() async throws {
        let server = try PostgresServer.shared.get()
        let database = try server.makeDatabase()
        Cleanup.add { server.dropDatabase(database) }
        let store = try server.openStore(server.url(database))
        try await store.commit([.setMeta(key: "k", value: [1])])
        // From its next connection on: making the tables, and what else is done once, may take longer on a busy machine.
        try server.sql("ALTER DATABASE \(database) SET statement_timeout = '300ms'")
        try server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(database)'")
        let blocker = try Connection.open(PostgresURL(server.url(database)))
        _ = try blocker.rows([
            Query("BEGIN"), Query("SET LOCAL statement_timeout = 0"),
            Query("LOCK TABLE muster.meta IN ACCESS EXCLUSIVE MODE"),
        ])
        let timedOut = await failure(store, [.setMeta(key: "k", value: [2])])
        #expect(timedOut?.code == .io(0) && timedOut?.isRetryable == true)
        #expect(timedOut?.message.contains("statement_timeout") == true)
        _ = try blocker.rows(Query("ROLLBACK"))
        // What follows is not to be cancelled because the machine is busy.
        try server.sql("ALTER DATABASE \(database) RESET statement_timeout")
        try server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(database)'")
        try await store.commit([.setMeta(key: "k", value: [3])])
        #expect(try await store.meta("k") == [3])
        await store.close()
    }

    /// Who is not let in, for whatever reason, waits until that is mended: `/readyz` says why meanwhile.
    @Test func readersThatAreNotLetIn() async throws {
        let server = try PostgresServer.shared.get()
        let database = try server.makeDatabase()
        Cleanup.add { server.dropDatabase(database) }
        let store = try server.openStore(server.url(database), readWait: .milliseconds(200))
        try await store.commit([.setMeta(key: "k", value: [1])])
        try server.sql("ALTER DATABASE \(database) ALLOW_CONNECTIONS false")
        await #expect {
            _ = try await store.meta("k")
        } throws: {
            ($0 as? StoreError)?.code == .unreachable && "\($0)".contains("55000")
        }
        #expect(store.trouble?.contains("55000") == true)
        try server.sql("ALTER DATABASE \(database) ALLOW_CONNECTIONS true")
        try await eventually("a read") { (try? await store.meta("k")) == [1] }
        #expect(store.trouble == nil)
        await store.close()
    }

    /// A damage that a new connection meets: nothing would wait for it but in vain.
    @Test func aWriterThatFindsDamageEnds() async throws {
        let server = try PostgresServer.shared.get()
        let database = try server.makeDatabase()
        Cleanup.add { server.dropDatabase(database) }
        let store = try server.openStore(server.url(database))
        try await store.commit([.setMeta(key: "k", value: [1])])
        try server.sql("DROP TABLE muster.writer", in: database)
        try server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(database)'")
        for _ in 0..<2 {
            let error = await failure(store, [.setMeta(key: "k", value: [2])])
            #expect(error?.code == .corrupt && error?.isRetryable == false && error?.mayBeStored == false)
        }
        #expect(store.trouble?.contains("damaged") == true)
        await store.close()
    }

    @Test(.enabled(if: SmallDisk.canBeMade, "only root can mount a small file system to fill"))
    func aFullDisk() async throws {
        let server = try PostgresServer.ofThisTest()
        let disk = try #require(SmallDisk(bytes: 48 << 20))
        _ = try Shells.run(
            "sh", "-e", "mkdir \(disk.folder)/space; chown postgres \(disk.folder)/space; chmod 755 \(disk.folder)")
        try server.sql("CREATE TABLESPACE small LOCATION '\(disk.folder)/space'")
        try server.sql("CREATE DATABASE fleet TABLESPACE small")
        let store = try server.openStore(server.url("fleet"))
        let ledger = try await Ledger(store)
        await ledger.add(0)
        disk.fill(leaving: 0)
        let large = [UInt8](repeating: 7, count: 1 << 20)
        let full = await failure(store, [.setMeta(key: "large", value: large)] + Ledger.group(1))
        #expect(full?.code == .full && full?.isRetryable == true)
        #expect(try await store.meta("large") == nil)
        disk.makeRoom()
        await ledger.add(1)
        try await store.commit([.setMeta(key: "large", value: large)])
        #expect(try await store.meta("large") == large)
        try await ledger.check(store)
        await store.close()
        try server.stop("immediate")
    }
}
