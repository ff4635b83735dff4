import MusterCore
import Testing

@testable import MusterStore

/// What forgotten jobs leave in the file.
@Suite(.cleansUp, .timeLimit(.minutes(5))) struct SQLiteForgettingTests {
    private static let size = 40_000

    /// A job of many rows that has ended.
    private func fill(_ store: SQLiteStore, _ id: Int64) async throws {
        try await store.commit([.createJob(.sample(id, count: Self.size, hasInputs: true))])
        for first in stride(from: 0, to: Self.size, by: 4_000) {
            let results = (first..<first + 4_000).map { StoreWrite.addResults(.sample(id, $0..<$0 + 1)) }
            try await store.commit(results + [.addInputs(.sample(id, first..<first + 4_000, padding: 200))])
        }
        try await store.commit([.endJob(JobID(id), .done, endedMs: id)])
    }

    private func number(_ path: String, _ sql: StaticString) throws -> Int64 {
        let connection = try Connection(path: path)
        defer { connection.close() }
        return try connection.number(sql)
    }

    private func rows(_ path: String) throws -> Int64 {
        try number(
            path,
            """
            SELECT (SELECT count(*) FROM result) + (SELECT count(*) FROM input) + (SELECT count(*) FROM job_worker)
                + (SELECT count(*) FROM forgotten_job)
            """)
    }

    private func eventually(_ what: Comment, _ look: () throws -> Bool) async throws {
        for _ in 0..<6_000 {
            if try look() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record(what)
    }

    @Test func itsRowsGoInGroupsAndTheFileBecomesSmaller() async throws {
        let path = Scratch().file("store.db")
        let store = try SQLiteStore(path: path)
        try await fill(store, 1)
        let before = try number(path, "PRAGMA page_count")
        try await store.commit([.forgetJob(JobID(1))])
        // Others write meanwhile.
        for id in Int64(2)...20 { try await store.commit([.createJob(.sample(id))]) }
        try await eventually("all rows are gone") { try rows(path) == 0 }
        #expect(before > 2 * ForgettingWrites.pagesKept)
        try await eventually("room is given back") {
            try number(path, "PRAGMA page_count") < ForgettingWrites.pagesKept + 100
        }
        #expect(try await store.jobs(before: nil, limit: 99).count == 19)
        await store.close()
        try await SQLiteStore(path: path).close()
    }

    @Test func aNewProcessGoesOn() async throws {
        let path = Scratch().file("store.db")
        var store = try SQLiteStore(path: path)
        try await fill(store, 1)
        try await fill(store, 2)
        try await store.commit([.forgetJob(JobID(1))])
        await store.close()
        #expect(try number(path, "SELECT count(*) FROM forgotten_job") == 1, "it was not through")
        store = try SQLiteStore(path: path)
        try await eventually("the rest is gone") { try number(path, "SELECT count(*) FROM forgotten_job") == 0 }
        #expect(try number(path, "SELECT count(*) FROM result WHERE job = 1") == 0)
        #expect(try number(path, "SELECT count(*) FROM result WHERE job = 2") == Int64(Self.size))
        #expect(try await store.results(of: JobID(2), from: 0, bytesMax: 1).count == 1)
        await store.close()
    }

    /// Of a database from before that: pages are used again, until it is made anew of a backup.
    @Test func anOlderDatabaseKeepsItsSizeUntilItIsRestored() async throws {
        let scratch = Scratch()
        let path = scratch.file("store.db")
        try DatabaseFiles.create(path)
        let old = try Connection(path: path)
        for step in Schema.steps[..<10] { try old.transaction { () throws(StoreError) in try old.execute(step) } }
        old.close()
        let store = try SQLiteStore(path: path)
        #expect(try number(path, "PRAGMA auto_vacuum") == 0)
        try await fill(store, 1)
        try await store.commit([.forgetJob(JobID(1))])
        try await eventually("all rows are gone") { try rows(path) == 0 }
        let size = try number(path, "PRAGMA page_count")
        try await fill(store, 2)
        #expect(try number(path, "PRAGMA page_count") <= size + size / 10)
        try await store.backUp(to: scratch.file("backup"))
        #expect(try number(scratch.file("backup"), "PRAGMA auto_vacuum") == 2)
        await store.close()
    }
}
