import MusterCore
import MusterStore
import Testing

/// A store without room refuses, keeps nothing by halves, and goes on when there is room.
@Suite(.cleansUp, .timeLimit(.minutes(5))) struct SQLiteFullTests {
    private static func large(_ task: Int) -> ResultRecord {
        ResultRecord(
            job: JobID(1), first: task, count: 1, worker: "w", attempt: 1,
            outcome: .values(lines: [UInt8](repeating: 1, count: 200_000)), secondsLines: [])
    }

    /// Commits large results until one fails; answers how many were kept, and why the last was not.
    private func fill(_ store: any Store, from first: Int = 0) async -> (kept: Int, error: StoreError?) {
        for task in first..<1000 {
            if let error = await failure(store, [.setMeta(key: "\(task)", value: []), .addResults(Self.large(task))]) {
                return (task - first, error)
            }
        }
        return (1000, nil)
    }

    @Test(.enabled(if: SmallDisk.canBeMade, "only root can mount a small file system to fill"))
    func aFullDiskIsRefusedAndRecoveredFrom() async throws {
        let disk = try #require(SmallDisk(bytes: 32 << 20))
        let path = disk.folder + "/data/store.db"
        var store: any Store = try SQLiteStore(path: path)
        try await store.commit([.createJob(.sample(1, count: 1000))])
        disk.fill(leaving: 3 << 20)

        let (kept, error) = await fill(store)
        #expect(error?.code == .full)
        #expect(error?.isRetryable == true)
        #expect(error?.message.contains(path) == true)
        #expect(kept > 0)
        try await expectHolds(store, kept)
        // It still refuses, and still answers, while there is no room.
        #expect(await failure(store, [.addResults(Self.large(kept))])?.code == .full)
        try await expectHolds(store, kept)

        disk.makeRoom()
        try await store.commit([.setMeta(key: "\(kept)", value: []), .addResults(Self.large(kept))])
        try await expectHolds(store, kept + 1)
        await store.close()
        store = try SQLiteStore(path: path)
        try await expectHolds(store, kept + 1)
        await store.close()
    }

    @Test(.enabled(if: SmallDisk.canBeMade, "only root can mount a small file system to fill"))
    func aStoreIsNotMadeOnAFullDisk() async throws {
        let disk = try #require(SmallDisk(bytes: 1 << 20))
        disk.fill(leaving: 0)
        let error = try #require(throws: StoreError.self) { _ = try SQLiteStore(path: disk.folder + "/store.db") }
        #expect(error.code == .full)
        disk.makeRoom()
        let store = try SQLiteStore(path: disk.folder + "/store.db")
        try await store.commit([.createJob(.sample(1))])
        await store.close()
    }

    @Test func theDatabasesOwnLimitIsRefusedAndRecoveredFrom() async throws {
        let scratch = Scratch()
        var limits = SQLiteStore.Limits()
        limits.pagesMax = 500
        var store: any Store = try SQLiteStore(path: scratch.file("store.db"), limits: limits)
        try await store.commit([.createJob(.sample(1, count: 1000))])
        let (kept, error) = await fill(store)
        #expect(error?.code == .full)
        #expect((1..<10).contains(kept))
        try await expectHolds(store, kept)
        await store.close()
        limits.pagesMax = nil
        store = try SQLiteStore(path: scratch.file("store.db"), limits: limits)
        try await store.commit([.setMeta(key: "\(kept)", value: []), .addResults(Self.large(kept))])
        try await expectHolds(store, kept + 1)
        await store.close()
    }

    /// What still fits is kept though it was gathered with what does not.
    @Test func onlyTheGroupsThatDoNotFitFail() async throws {
        var limits = SQLiteStore.Limits()
        limits.pagesMax = 300
        let store = try SQLiteStore(path: Scratch().file("store.db"), limits: limits)
        try await store.commit([.createJob(.sample(1, count: 1000))])
        let gate = Gate()
        let outcomes = Outcomes()
        store.commit([]) { _ in gate.wait() }
        store.commit([.addResults(.sample(1, 900..<901))]) { outcomes.append(1, $0) }
        let huge = InputRecord.sample(1, 0..<10, padding: 200_000)
        store.commit([.addResults(.sample(1, 901..<902)), .addInputs(huge)]) { outcomes.append(2, $0) }
        store.commit([.addResults(.sample(1, 902..<903))]) { outcomes.append(3, $0) }
        gate.open()
        try await store.commit([])
        #expect(outcomes.all.map(\.0) == [1, 2, 3])
        #expect(outcomes.all.map(\.1) == [nil, .full, nil])
        #expect(try await store.unfinishedJobs().first?.recorded == RangeSet([900..<901, 902..<903]))
        await store.close()
    }

    /// Each kept group left its result and its mark, no other did.
    private func expectHolds(
        _ store: any Store, _ kept: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let restored = try await store.unfinishedJobs().first?.recorded
        #expect(restored == RangeSet(0..<kept), sourceLocation: sourceLocation)
        #expect(try await store.meta("\(kept - 1)") != nil, sourceLocation: sourceLocation)
        #expect(try await store.meta("\(kept)") == nil, sourceLocation: sourceLocation)
    }
}
