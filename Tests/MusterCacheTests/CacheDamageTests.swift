import Glibc
import HTTPCaching
import MusterSystem
import MusterTestKit
import Testing

@testable import MusterCache

/// What lies on the disk is not what was put there: it is removed, and never served.
@Suite struct CacheDamageTests {
    enum Damage: CaseIterable {
        case flippedBody, shortBody, longBody, noBody, emptyBody, flippedHead, shortHead, emptyHead, longHead
    }

    private static func harm(_ damage: Damage, _ test: TestStore) throws {
        let (body, head) = (test.files(".body")[0], test.files(".head")[0])
        switch damage {
        case .flippedBody: try test.change(body) { $0[500] ^= 0x10 }
        case .shortBody: try test.change(body) { $0.removeLast() }
        case .longBody: try test.change(body) { $0.append(0) }
        case .emptyBody: try test.change(body) { $0 = [] }
        case .noBody: #expect(unlink("\(test.folder.path)/\(body)") == 0)
        case .flippedHead: try test.change(head) { $0[30] ^= 1 }
        case .shortHead: try test.change(head) { $0.removeLast(70) }
        case .emptyHead: try test.change(head) { $0 = [] }
        case .longHead: try test.change(head) { $0 += [UInt8](repeating: 65, count: 2 << 20) }
        }
    }

    @Test(arguments: Damage.allCases) func foundAtTheNextStartOrTheNextReading(_ damage: Damage) async throws {
        let test = try TestStore()
        test.insert(1)
        await test.store.settle()
        try Self.harm(damage, test)
        try test.restart()
        if let object = test.store.only(key(1)) {
            // Only reading it shows.
            #expect(damage == .flippedBody)
            await #expect(throws: CacheError.self) { try await test.store.open(object) }
            #expect(test.store.statistics.corrupt == 1)
        }
        #expect(test.store.only(key(1)) == nil)
        await test.store.settle()
        #expect(test.files("").isEmpty)
        #expect(test.store.statistics.objects == 0)
        #expect(test.store.statistics.diskBytes == 0)
        // It may come again.
        test.insert(1)
        try test.restart()
        #expect(try await test.read(1) == pattern(1, 1_000))
    }

    /// All who want it at once are one reading, and hear the same.
    @Test func manyReadersOfADamagedBody() async throws {
        let test = try TestStore()
        test.insert(1)
        await test.store.settle()
        try Self.harm(.flippedBody, test)
        try test.restart()
        let (object, store) = (try #require(test.store.only(key(1))), test.store)
        let failures = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 {
                group.addTask { () -> Bool in
                    do {
                        _ = try await store.open(object)
                        return false
                    } catch {
                        return true
                    }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(failures == 50)
    }

    @Test func straysAreRemovedAtStart() throws {
        let test = try TestStore()
        test.insert(1)
        test.store.close()
        for name in [
            "07/0000000000000007.part", "07/0000000000000007.body", "08/nonsense", "09/0000000000000009.head.part",
            "0a/.head",
        ] {
            try test.folder.write(pattern(1, 100), to: name)
        }
        try test.restart()
        #expect(test.store.statistics.objects == 1)
        #expect(test.files("").count == 2)
    }

    private static let canFill = SmallDisk.canBeMade || getenv("MUSTER_REQUIRE_ALL").map { String(cString: $0) } == "1"

    @Test(.enabled(if: canFill, "only root can make a disk to fill")) func aFullDiskLeavesItInMemory() async throws {
        let folder = try ScratchFolder()
        let disk = try #require(SmallDisk(over: folder.path, bytes: 4 << 20))
        defer {
            disk.remove()
            folder.remove()
        }
        var limits = CacheLimits()
        limits.memoryBytes = 1 << 20
        let store = try CacheStore(directory: folder.path, limits: limits, policy: policy)
        defer { store.close() }
        func insert(_ number: Int) {
            store.insert(
                CachedObject(
                    key: key(number), head: head(20_000),
                    body: store.body(SharedBytes(pattern(number, 20_000)), count: 20_000)))
        }
        disk.fill()
        insert(1)
        await store.settle()
        #expect(store.statistics.unwritten == 1)
        #expect(store.statistics.diskBytes == 0)
        let first = try #require(store.only(key(1)))
        #expect(contents(of: try await store.open(first)) == pattern(1, 20_000))
        // A large body cannot be kept, and says so.
        let spool = try #require(try? store.spool())
        let large = SharedBytes(pattern(2, 1 << 20))
        #expect(throws: CacheError.self) { try spool.append(large.bytes(0..<large.capacity)) }
        // Memory stays within its bound with what is on no disk.
        for number in 2..<120 { insert(number) }
        await store.settle()
        #expect(store.statistics.memoryBytes <= limits.memoryBytes)
        #expect(store.only(key(1)) == nil)
        disk.makeRoom()
        insert(200)
        await store.settle()
        #expect(store.statistics.diskBytes > 0)
        #expect(store.statistics.unwritten == 119)
    }

    /// A validation's news that the disk does not take must not leave a head without a body, or the other way round.
    @Test(.enabled(if: canFill, "only root can make a disk to fill")) func aRefreshOnAFullDisk() async throws {
        let folder = try ScratchFolder()
        let disk = try #require(SmallDisk(over: folder.path, bytes: 4 << 20))
        defer {
            disk.remove()
            folder.remove()
        }
        let store = try CacheStore(directory: folder.path, limits: CacheLimits(), policy: policy)
        let body = store.body(SharedBytes(pattern(1, 20_000)), count: 20_000)
        store.insert(CachedObject(key: key(1), head: head(20_000, tag: "\"1\""), body: body))
        await store.settle()
        disk.fill()
        store.insert(CachedObject(key: key(1), head: head(20_000, tag: "\"2\""), body: body))
        await store.settle()
        disk.makeRoom()
        store.insert(CachedObject(key: key(1), head: head(20_000, tag: "\"3\""), body: body))
        await store.settle()
        store.close()
        let again = try CacheStore(directory: folder.path, limits: CacheLimits(), policy: policy)
        defer { again.close() }
        let object = try #require(again.only(key(1)))
        #expect(object.head.entityTag?.text == "\"3\"")
        #expect(contents(of: try await again.open(object)) == pattern(1, 20_000))
    }
}
