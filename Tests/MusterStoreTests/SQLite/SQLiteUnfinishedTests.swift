import MusterCore
import Testing

@testable import MusterStore

/// A restart reads no ended jobs but a few, and misses none that is unfinished.
@Suite(.cleansUp) struct SQLiteUnfinishedTests {
    private let path = Scratch().file("store.db")

    private func mark() throws -> Int64 {
        let connection = try Connection(path: path)
        defer { connection.close() }
        return try connection.number("SELECT unfinished_from FROM largest_id")
    }

    /// What a new process finds.
    private func restored() async throws -> [Int64] {
        let store = try SQLiteStore(path: path)
        let ids = try await store.unfinishedJobs().map(\.job.record.id.rawValue)
        await store.close()
        return ids
    }

    private func create(_ store: SQLiteStore, _ ids: Int64...) async throws {
        for id in ids { try await store.commit([.createJob(.sample(id))]) }
    }

    private func end(_ store: SQLiteStore, _ ids: Int64...) async throws {
        for id in ids { try await store.commit([.endJob(JobID(id), .done, endedMs: id)]) }
    }

    @Test func theMarkFollowsTheOldestUnfinishedJob() async throws {
        var store = try SQLiteStore(path: path)
        try await create(store, 1, 2, 3, 4, 5)
        try await end(store, 1)
        #expect(try mark() == 2, "the first end of a process moves it")
        try await end(store, 2, 4)
        #expect(try mark() == 2, "the next do not: that would cost a page each")
        await store.close()
        #expect(try await restored() == [3, 5])
        store = try SQLiteStore(path: path)
        for id in Int64(6)...Int64(UnfinishedMark.endsMax + 6) {
            try await store.commit([.createJob(.sample(id)), .endJob(JobID(id), .done, endedMs: id)])
        }
        #expect(try mark() == 3)
        await store.close()
        #expect(try await restored() == [3, 5])
    }

    @Test func theMarkGoesBackForJobsBelowIt() async throws {
        let store = try SQLiteStore(path: path)
        try await create(store, 3)
        try await end(store, 3)
        #expect(try mark() == 4, "all have ended")
        try await create(store, 2)
        #expect(try mark() == 2, "its id was given out earlier, its row came later")
        try await end(store, 2)
        try await create(store, 7)
        try await store.commit([.reopenJob(JobID(3))])
        #expect(try await store.unfinishedJob(JobID(3))?.job.record.id == JobID(3))
        #expect(try await store.unfinishedJob(JobID(2)) == nil)
        await store.close()
        #expect(try await restored() == [3, 7])
    }

    @Test func aMoveThatWasRolledBackLosesNothing() async throws {
        let store = try SQLiteStore(path: path)
        try await create(store, 1, 2)
        // The end of 1 moves the mark to 2; the group fails, and the mark is where it was.
        await #expect(throws: StoreError.self) {
            try await store.commit([.endJob(JobID(1), .done, endedMs: 1), .createJob(.sample(2))])
        }
        #expect(try mark() == 0)
        await store.close()
        #expect(try await restored() == [1, 2])
    }

    @Test func jobsThatAreOverAreNotReadBelowTheMark() throws {
        _ = try SQLiteStore(path: path)
        let connection = try Connection(path: path)
        defer { connection.close() }
        let plan = try connection.prepare(
            "EXPLAIN QUERY PLAN SELECT * FROM job WHERE id BETWEEN ? AND ? AND state IS NULL ORDER BY id")
        defer { plan.finalize() }
        var lines: [String] = []
        while try plan.step() { lines.append(plan.text(3)) }
        #expect(lines.count == 1 && lines[0].contains("USING INTEGER PRIMARY KEY (rowid>"), "\(lines)")
    }
}
