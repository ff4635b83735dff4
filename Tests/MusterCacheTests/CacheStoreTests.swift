import HTTPCaching
import MusterSystem
import MusterTestKit
import Testing

@testable import MusterCache

@Suite struct CacheStoreTests {
    @Test func survivesARestart() async throws {
        let test = try TestStore()
        for number in 0..<20 { test.insert(number, bytes: number * 500) }
        let before = test.store.only(key(7))?.head
        try test.restart()
        #expect(test.store.statistics.objects == 20)
        #expect(test.store.only(key(7))?.head == before)
        for number in 0..<20 { #expect(try await test.read(number) == pattern(number, number * 500)) }
        // Serials go on where they were: nothing new lies over something old.
        test.insert(100)
        try test.restart()
        for number in 0..<20 { #expect(try await test.read(number) == pattern(number, number * 500)) }
        #expect(try await test.read(100) == pattern(100, 1_000))
        #expect(test.store.statistics.corrupt == 0)
    }

    /// However the writer and the table take turns, what was inserted is written.
    @Test func everythingThatIsInsertedIsWritten() async throws {
        let test = try TestStore()
        for number in 0..<2_000 { test.insert(number, bytes: 10) }
        await test.store.settle()
        #expect(test.files(".head").count == 2_000)
        #expect(test.files(".body").count == 2_000)
        #expect(test.store.statistics.unwritten == 0)
    }

    @Test func aNewerAnswerTakesTheOldOnesPlace() async throws {
        let test = try TestStore()
        let old = test.insert(1, bytes: 100, tag: "\"old\"")
        test.insert(1, bytes: 200, tag: "\"new\"")
        #expect(!old.isStored)
        // Whoever has it goes on reading it.
        #expect(contents(of: try await test.store.open(old)) == pattern(1, 100))
        await test.store.settle()
        #expect(test.files(".body").count == 1)
        try test.restart()
        #expect(test.store.only(key(1))?.head.entityTag?.text == "\"new\"")
        #expect(try await test.read(1) == pattern(1, 200))
    }

    /// Before its body is written, and after.
    @Test(arguments: [true, false]) func aRefreshGoesOverTheSameBody(isWritten: Bool) async throws {
        let test = try TestStore()
        let old = test.insert(1, bytes: 3_000, tag: "\"1\"")
        if isWritten { await test.store.settle() }
        test.store.insert(CachedObject(key: old.key, head: head(3_000, tag: "\"2\""), body: old.body))
        await test.store.settle()
        #expect(test.files(".body").count == 1)
        #expect(test.files(".head").count == 1)
        #expect(test.store.statistics.objects == 1)
        #expect(test.store.statistics.diskBytes == 4_096 + 4_096)
        try test.restart()
        #expect(test.store.only(key(1))?.head.entityTag?.text == "\"2\"")
        #expect(try await test.read(1) == pattern(1, 3_000))
    }

    @Test func removedIsGoneForGoodOnceSettled() async throws {
        let test = try TestStore()
        for number in 0..<10 { test.insert(number) }
        await test.store.settle()
        #expect(test.store.remove { $0 == key(3) } == 1)
        #expect(test.store.remove(key: key(4)) == 1)
        #expect(test.store.remove(key: key(4)) == 0)
        #expect(test.store.only(key(3)) == nil)
        await test.store.settle()
        #expect(test.files(".body").count == 8)
        try test.crash()
        #expect(test.store.statistics.objects == 8)
        #expect(test.store.only(key(3)) == nil)
        #expect(test.store.only(key(4)) == nil)
    }

    /// Removed while it still waits to be written.
    @Test func removedBeforeItIsWritten() async throws {
        let test = try TestStore()
        for number in 0..<50 { test.insert(number, bytes: 50_000) }
        #expect(test.store.remove { _ in true } == 50)
        await test.store.settle()
        #expect(test.files("").isEmpty)
        #expect(test.store.statistics.objects == 0)
        #expect(test.store.statistics.diskBytes == 0)
        #expect(test.store.statistics.memoryBytes == 0)
    }

    @Test func withoutADirectoryItIsInMemoryOnly() async throws {
        let store = try CacheStore(
            directory: nil, limits: limits(memoryObjects: 5, diskObjects: 5, bytes: 1_000), policy: policy)
        #expect(try store.spool() == nil)
        for number in 0..<50 {
            store.insert(
                CachedObject(
                    key: key(number), head: head(1_000),
                    body: store.body(SharedBytes(pattern(number, 1_000)), count: 1_000)))
            #expect(store.statistics.memoryBytes <= store.limits.memoryBytes)
        }
        #expect(store.statistics.diskBytes == 0)
        #expect((1...6).contains(store.statistics.objects))
        let newest = try #require(store.only(key(49)))
        #expect(contents(of: try await store.open(newest)) == pattern(49, 1_000))
        #expect(store.only(key(0)) == nil)
        await store.settle()
        store.close()
    }

    @Test func aDiskOfNoBytesIsNotUsed() throws {
        var limits = CacheLimits()
        limits.diskBytes = 0
        let test = try TestStore(limits)
        test.insert(1)
        try test.restart()
        #expect(test.store.statistics.objects == 0)
        #expect(test.folder.names(in: "").isEmpty)
    }

    /// Ten times as many objects as there is room for.
    @Test func aScanStaysWithinTheBounds() async throws {
        let test = try TestStore(limits(memoryObjects: 10, diskObjects: 40, bytes: 5_000))
        for number in 0..<400 {
            test.insert(number, bytes: 5_000)
            // In step with the disk, so that all of it is written.
            await test.store.settle()
            let now = test.store.statistics
            #expect(now.memoryBytes <= test.limits.memoryBytes)
            #expect(now.diskBytes <= test.limits.diskBytes)
        }
        await test.store.settle()
        let files = test.files(".head") + test.files(".body")
        let taken = try files.reduce(0) { $0 + CacheLimits.onDisk(try test.folder.read($1).count) }
        #expect(taken == test.store.statistics.diskBytes)
        #expect(taken <= test.limits.diskBytes)
        #expect(test.store.statistics.evicted > 0)
        // The latest are there, those whose bodies left memory included.
        for number in 370..<400 { #expect(try await test.read(number) == pattern(number, 5_000)) }
        #expect(test.store.only(key(0)) == nil)
        #expect(test.store.statistics.memoryBytes <= test.limits.memoryBytes)
        try test.restart()
        #expect(test.store.statistics.diskBytes <= test.limits.diskBytes)
        for number in 370..<400 { #expect(try await test.read(number) == pattern(number, 5_000)) }
    }

    /// A smaller bound at the next start is kept from then on.
    @Test func aRestartWithLessRoom() async throws {
        let test = try TestStore()
        for number in 0..<40 { test.insert(number, bytes: 5_000) }
        test.store.close()
        let small = limits(memoryObjects: 40, diskObjects: 10, bytes: 5_000)
        let store = try CacheStore(directory: test.folder.path, limits: small, policy: policy)
        defer { store.close() }
        #expect(store.statistics.diskBytes <= small.diskBytes)
        #expect(store.only(key(39)) != nil)
        await store.settle()
        #expect(test.files(".body").count == store.statistics.objects)
    }

    /// What comes faster than the disk takes it stays in memory.
    @Test func whatTheWriterHasNoRoomForStaysInMemory() async throws {
        var limits = CacheLimits()
        limits.writingBytesMax = 10
        let test = try TestStore(limits)
        test.insert(1, bytes: 1_000)
        #expect(test.store.statistics.unwritten == 1)
        #expect(test.store.statistics.diskBytes == 0)
        #expect(try await test.read(1) == pattern(1, 1_000))
        await test.store.settle()
        #expect(test.files("").isEmpty)
    }

    // MARK: Large bodies

    private func spooled(_ test: TestStore, _ number: Int, bytes: Int, isStored: Bool = true) throws -> CachedObject {
        let spool = try #require(try test.store.spool())
        let body = SharedBytes(pattern(number, bytes))
        for from in stride(from: 0, to: bytes, by: 70_000) {
            try spool.append(body.bytes(from..<min(bytes, from + 70_000)))
        }
        let object = CachedObject(key: key(number), head: head(bytes), body: try spool.finish())
        if isStored { test.store.insert(object) }
        return object
    }

    private var small: CacheLimits {
        var limits = CacheLimits()
        limits.memoryBytes = 1 << 20
        return limits
    }

    @Test func largeBodiesAreNeverInMemory() async throws {
        let test = try TestStore(small)
        let object = try spooled(test, 1, bytes: 500_000)
        #expect(test.store.statistics.memoryBytes < 10_000)
        guard case .file? = object.body.atHand else {
            Issue.record("the body is not in a file")
            return
        }
        #expect(try await test.read(1) == pattern(1, 500_000))
        await test.store.settle()
        #expect(test.files(".part").isEmpty)
        try test.restart()
        #expect(try await test.read(1) == pattern(1, 500_000))
        #expect(test.store.statistics.memoryBytes < 10_000)
    }

    @Test func anAbandonedSpoolLeavesNothing() async throws {
        let test = try TestStore(small)
        do {
            let spool = try #require(try test.store.spool())
            try spool.append(SharedBytes(pattern(1, 5_000)).bytes(0..<5_000))
            #expect(test.files(".part").count == 1)
        }
        #expect(test.files("").isEmpty)
        // Finished, but not to be stored after all.
        let object = try spooled(test, 2, bytes: 5_000, isStored: false)
        #expect(test.files(".body").count == 1)
        test.store.discard(object)
        await test.store.settle()
        #expect(test.files("").isEmpty)
    }

    /// An open file outlives its name: whoever is being sent it gets it to the end.
    @Test func readersKeepARemovedFile() async throws {
        let test = try TestStore(small)
        let object = try spooled(test, 1, bytes: 300_000)
        let opened = try await test.store.open(object)
        test.store.remove(key: key(1))
        await test.store.settle()
        #expect(test.files("").isEmpty)
        #expect(contents(of: opened) == pattern(1, 300_000))
    }

    @Test func aLargeFileThatIsChangedInPlaceIsNotServed() async throws {
        let test = try TestStore(small)
        let object = try spooled(test, 1, bytes: 300_000)
        await test.store.settle()
        try test.change(test.files(".body")[0]) { $0[150_000] ^= 1 }
        #expect(object.body.atHand == nil)
        await #expect(throws: CacheError.self) { try await test.store.open(object) }
        #expect(!object.isStored)
        #expect(test.store.statistics.corrupt == 1)
        await test.store.settle()
        #expect(test.files("").isEmpty)
    }
}
