import MusterCore
import MusterStore
import Testing

/// One file that holds all that was committed, and a store of a new epoch made of it.
@Suite(.cleansUp, .timeLimit(.minutes(5))) struct SQLiteBackupTests {
    private static let epoch = NewEpoch(
        idsAbove: 1 << 40, values: ["epoch": [1, 2, 3]], raising: ["views"], taking: ["token"])

    /// Job 1 with results of tasks 0..<1000, and writes that go on while it is copied.
    private func backedUp(_ scratch: Scratch) async throws {
        let store = try SQLiteStore(path: scratch.file("store.db"))
        try await store.commit([
            .createJob(.sample(1, count: 20_000)), .addResults(.sample(1, 0..<1_000)), .saveMember(.sample(7)),
            .setMeta(key: "views", value: Array("12".utf8)),
        ])
        async let copied: Void = store.backUp(to: scratch.file("backup"), setting: ["token": [9]])
        for task in 1_000..<2_000 { store.commit([.addResults(.sample(1, task..<(task + 1)))]) { _ in } }
        try await copied
        try await store.commit([.createJob(.sample(2))])
        #expect(try await store.meta("token") == nil, "what a copy carries is in the copy only")
        await store.close()
    }

    @Test func aCopyHasWhatWasCommitted() async throws {
        let scratch = Scratch()
        try await backedUp(scratch)
        #expect(scratch.mode("backup") == 0o600)
        #expect(scratch.mode("backup-wal") == nil && scratch.mode("backup-journal") == nil)
        let taken = try SQLiteStore.restore(scratch.file("backup"), to: scratch.file("new/store.db"), in: Self.epoch)
        #expect(taken == ["token": [9]])
        let store = try SQLiteStore(path: scratch.file("new/store.db"))
        let job = try #require(try await store.job(JobID(1)))
        #expect(job.done >= 1_000)
        #expect(try await store.job(JobID(2)) == nil)
        #expect(try await store.meta("token") == nil)
        #expect(try await store.meta("epoch") == [1, 2, 3])
        #expect(try await store.meta("views") == Array("\(1 << 40)".utf8))
        let ids = try await store.largestIDs()
        #expect([ids.job, ids.member, ids.child, ids.command] == [1 << 40, 1 << 40, 1 << 40, 1 << 40])
        await store.close()
    }

    @Test func nothingIsReplaced() async throws {
        let scratch = Scratch()
        try await backedUp(scratch)
        let store = try SQLiteStore(path: scratch.file("store.db"))
        await #expect(throws: StoreError.self) { try await store.backUp(to: scratch.file("backup")) }
        let size = scratch.size("backup")
        #expect(size > 0, "the one that is there stays")
        await store.close()
        #expect(throws: StoreError.self) {
            try SQLiteStore.restore(scratch.file("backup"), to: scratch.file("store.db"), in: Self.epoch)
        }
    }

    @Test(arguments: Damage.all) func damageIsRefused(_ damage: Damage) async throws {
        let scratch = Scratch()
        let store = try SQLiteStore(path: scratch.file("store.db"))
        try await store.commit([.createJob(.sample(1, count: 20_000)), .addInputs(.sample(1, 0..<20_000))])
        for task in 0..<5_000 { store.commit([.addResults(.sample(1, task..<(task + 1)))]) { _ in } }
        try await store.backUp(to: scratch.file("backup"))
        await store.close()
        var bytes = try scratch.bytes("backup")
        damage.apply(&bytes)
        try scratch.write(bytes, to: "backup")
        let refusal = #expect(throws: StoreError.self) {
            try SQLiteStore.restore(scratch.file("backup"), to: scratch.file("new/store.db"), in: Self.epoch)
        }
        #expect([.corrupt, .incompatible].contains(refusal?.code), "\(refusal as Any)")
        #expect(scratch.mode("new/store.db") == nil && scratch.mode("new/store.db.restoring") == nil)
        #expect(try scratch.bytes("backup") == bytes)
    }
}
