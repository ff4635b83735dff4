import MusterCore
import MusterStore
import MusterTestKit
import Testing

@testable import MusterPostgres

/// How the fence finds its row.
@Suite(.cleansUp, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.programs != nil, Postgres.missing))
struct WriterRowTests {
    /// Not by looking through all its former versions, of which an old snapshot may hold a million.
    @Test func theFenceGoesToItsRowsPlace() async throws {
        let server = try PostgresServer.shared.get()
        let name = try server.makeDatabase()
        Cleanup.add { server.dropDatabase(name) }
        let connection = try Connection.open(PostgresURL(server.url(name)))
        try Schema.migrate(connection)
        var row = WriterRow()
        try row.takeOver(connection)
        for number in 1...3 as ClosedRange<Int64> {
            let beginning = row.beginning(number, connection)
            let fence = try #require(beginning.last)
            let plan = try connection.rows(Query(SQL("EXPLAIN " + fence.sql.text), fence.parameters))
            #expect(plan.indices.contains { plan.text($0, 0).contains("Tid Scan") })
            let passed = row.passed(try connection.rows(beginning))
            #expect(passed == .passed)
            _ = try connection.rows(Query("COMMIT"))
            row.committed()
        }
        #expect(try row.ask(connection) == 3)
    }

    /// An administrator's `VACUUM FULL` puts the row elsewhere.
    @Test func aRowThatMovedIsFound() async throws {
        let server = try PostgresServer.shared.get()
        let name = try server.makeDatabase()
        Cleanup.add { server.dropDatabase(name) }
        let store = try server.openStore(server.url(name))
        for value in 1...5 as ClosedRange<UInt8> { try await store.commit([.setMeta(key: "k", value: [value])]) }
        try server.sql("VACUUM FULL muster.writer", in: name)
        try await store.commit([.setMeta(key: "k", value: [6])])
        #expect(try await store.meta("k") == [6])
        await store.close()
    }
}
