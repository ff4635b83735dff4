import Glibc
import MusterCore
import MusterStore
import MusterTestKit
import Testing

@testable import MusterPostgres

/// Whose a database is, and what is made in it.
@Suite(.cleansUp, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.programs != nil, Postgres.missing))
struct PostgresSchemaTests {
    private func database() throws -> (server: PostgresServer, name: String) {
        let server = try PostgresServer.shared.get()
        let name = try server.makeDatabase()
        Cleanup.add { server.dropDatabase(name) }
        return (server, name)
    }

    private func refusal(_ server: PostgresServer, _ name: String) -> StoreError? {
        do {
            _ = try server.openStore(server.url(name))
            return nil
        } catch { return error as? StoreError }
    }

    @Test func nothingIsMadeOutsideItsSchema() async throws {
        let (server, name) = try database()
        try server.sql("CREATE TABLE public.job (id int); INSERT INTO public.job VALUES (7)", in: name)
        let store = try server.openStore(server.url(name))
        try await store.commit([.createJob(.sample(1))])
        await store.close()
        #expect(try server.sql("SELECT id FROM public.job", in: name) == ["7"])
        #expect(
            try server.sql(
                "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|information_)'", in: name)
                == ["muster", "public"])
    }

    @Test func aNewerVersionIsRefused() async throws {
        let (server, name) = try database()
        await (try server.openStore(server.url(name))).close()
        try server.sql("UPDATE muster.version SET version = 999", in: name)
        let error = refusal(server, name)
        #expect(error?.code == .incompatible && error?.message.contains("999") == true)
        #expect(try server.sql("SELECT version FROM muster.version", in: name) == ["999"])
    }

    @Test(arguments: [
        "CREATE SCHEMA muster; CREATE TABLE muster.notes (text text)",
        "CREATE SCHEMA muster; CREATE TABLE muster.version (version bigint)",
        "CREATE SCHEMA muster; CREATE TABLE muster.version (single boolean, program text, version bigint); "
            + "INSERT INTO muster.version VALUES (true, 'other', 1)",
    ])
    func anotherProgramsSchemaIsLeftAlone(_ made: String) async throws {
        let (server, name) = try database()
        try server.sql(made, in: name)
        let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'muster'"
        let before = try server.sql(tables, in: name)
        #expect(refusal(server, name)?.code == .incompatible)
        #expect(try server.sql(tables, in: name) == before)
    }

    /// An administrator may give a role an empty schema rather than the right to make one.
    @Test func anEmptySchemaIsTaken() async throws {
        let (server, name) = try database()
        try server.sql("CREATE ROLE r\(name) LOGIN; CREATE SCHEMA muster AUTHORIZATION r\(name)", in: name)
        Cleanup.add { _ = try? server.sql("DROP OWNED BY r\(name); DROP ROLE r\(name)", in: name) }
        let url = "postgres://r\(name)@/\(name)?host=\(server.folder)&port=\(server.port)"
        let store = try server.openStore(url)
        try await store.commit([.setMeta(key: "k", value: [1])])
        await store.close()
    }

    @Test func whoMayNotMakeASchemaIsToldSo() async throws {
        let (server, name) = try database()
        try server.sql("CREATE ROLE r\(name) LOGIN", in: name)
        Cleanup.add { _ = try? server.sql("DROP ROLE r\(name)", in: name) }
        do {
            _ = try server.openStore("postgres://r\(name)@/\(name)?host=\(server.folder)&port=\(server.port)")
            Issue.record("it may")
        } catch {
            let error = try #require(error as? StoreError)
            #expect(error.message.contains("GRANT CREATE ON DATABASE") && !error.isRetryable)
        }
    }

    @Test func oneCoordinatorAtATime() async throws {
        let (server, name) = try database()
        let store = try server.openStore(server.url(name))
        let error = refusal(server, name)
        #expect(error?.code == .locked && error?.isRetryable == true)
        // The one that was there first goes on.
        try await store.commit([.setMeta(key: "k", value: [1])])
        await store.close()
        let next = try server.openStore(server.url(name))
        #expect(try await next.meta("k") == [1])
        await next.close()
    }

    /// Several that begin at once make the tables once.
    @Test func whoBeginsAtTheSameTimeDoesNotHarm() async throws {
        let (server, name) = try database()
        let url = try PostgresURL(server.url(name))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<6 { group.addTask { try Schema.migrate(Connection.open(url)) } }
            try await group.waitForAll()
        }
        #expect(try server.sql("SELECT version FROM muster.version", in: name) == ["\(Schema.steps.count)"])
    }

    @Test func anUnknownDatabaseAndAWrongHostAreTold() throws {
        let server = try PostgresServer.shared.get()
        #expect(refusal(server, "nowhere")?.message.contains("3D000") == true)
        var limits = PostgresStore.Limits()
        limits.openWait = .zero
        let url = try PostgresURL("postgres://u:secret@127.0.0.1:1/db")
        do {
            _ = try PostgresStore(url, limits: limits)
            Issue.record("somebody listens at port 1")
        } catch {
            #expect(error.code == .unreachable && error.isRetryable)
            #expect(error.message.contains("postgres://u:***@127.0.0.1:1/db") && !error.message.contains("secret"))
        }
    }
}
