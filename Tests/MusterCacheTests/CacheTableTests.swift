import HTTPCaching
import MusterSystem
import Testing

@testable import MusterCache

/// What the table decides, without a disk.
@Suite struct CacheTableTests {
    private func object(_ number: Int, bytes: Int = 1_000, head given: StoredResponse? = nil) -> CachedObject {
        let body = StoredBody(
            count: bytes, digest: [], serial: UInt64(number), memory: SharedBytes(capacity: bytes), isWritten: false)
        return CachedObject(key: key(number), head: given ?? head(bytes), body: body)
    }

    private func letGo(_ effects: [CacheTable.Effect]) -> [CacheKey] {
        effects.compactMap { if case .letGo(let object) = $0 { object.key } else { nil } }
    }

    private func removed(_ effects: [CacheTable.Effect]) -> [CacheKey] {
        effects.compactMap { if case .removed(let object) = $0 { object.key } else { nil } }
    }

    @Test func leastRecentlyUsedLeavesMemoryFirst() {
        var table = CacheTable(limits: limits(memoryObjects: 3, diskObjects: 100, bytes: 1_000))
        let objects = (0..<3).map { object($0) }
        for object in objects { #expect(table.insert(object, diskBytes: 8_192, isResident: true).isEmpty) }
        _ = table.only(key(0))
        // About three fit; a body that goes leaves its head, so it takes one or two to make room for a fourth.
        let gone = letGo(table.insert(object(3), diskBytes: 8_192, isResident: true))
        #expect(gone.first == key(1))
        #expect(!gone.contains(key(0)) && !gone.contains(key(3)))
        #expect(!table.isResident(objects[1]))
        #expect(objects[1].isStored)
        #expect(table.memoryBytes <= table.limits.memoryBytes)
    }

    @Test func whatIsOnNoDiskIsRemovedWhereOthersAreLetGo() {
        var table = CacheTable(limits: limits(memoryObjects: 3, diskObjects: 100, bytes: 1_000))
        let first = object(0)
        _ = table.insert(first, diskBytes: 0, isResident: true)
        for number in 1..<3 { _ = table.insert(object(number), diskBytes: 8_192, isResident: true) }
        let effects = table.insert(object(3), diskBytes: 8_192, isResident: true)
        #expect(removed(effects) == [key(0)])
        #expect(!first.isStored)
    }

    @Test func diskBytesAreBoundedByLastUse() {
        var table = CacheTable(limits: limits(memoryObjects: 100, diskObjects: 3, bytes: 1_000))
        for number in 0..<3 { _ = table.insert(object(number), diskBytes: 8_192, isResident: true) }
        _ = table.only(key(0))
        #expect(removed(table.insert(object(3), diskBytes: 8_192, isResident: true)) == [key(1)])
        #expect(table.diskBytes == 3 * 8_192)
        #expect(table.count == 3)
    }

    @Test func headsAloneAreBoundedToo() {
        var limits = CacheLimits()
        limits.memoryBytes = 10 * CacheLimits.overheadBytes
        var table = CacheTable(limits: limits)
        for number in 0..<100 {
            _ = table.insert(object(number), diskBytes: 8_192, isResident: false)
            #expect(table.memoryBytes <= limits.memoryBytes)
        }
        #expect(table.count > 1)
        #expect(table.only(key(99)) != nil)
        #expect(table.only(key(0)) == nil)
    }

    @Test func objectsAreBounded() {
        var limits = CacheLimits()
        limits.objectsMax = 5
        var table = CacheTable(limits: limits)
        for number in 0..<50 { _ = table.insert(object(number), diskBytes: number % 2 * 8_192, isResident: true) }
        #expect(table.count == 5)
    }

    @Test func loadedBodiesCountAgainAndPushOthersOut() {
        var table = CacheTable(limits: limits(memoryObjects: 2, diskObjects: 100, bytes: 10_000))
        let objects = (0..<2).map { object($0, bytes: 10_000) }
        _ = table.insert(objects[0], diskBytes: 16_384, isResident: true)
        _ = table.insert(objects[1], diskBytes: 16_384, isResident: false)
        let before = table.memoryBytes
        #expect(letGo(table.loaded(objects[1])).isEmpty)
        #expect(table.memoryBytes == before + 10_000)
        #expect(table.loaded(objects[1]).isEmpty)
        #expect(table.memoryBytes == before + 10_000)
        #expect(letGo(table.insert(object(2, bytes: 10_000), diskBytes: 16_384, isResident: true)).first == key(0))
    }

    @Test func aFullDiskKeepsWhatIsInMemory() {
        var table = CacheTable(limits: CacheLimits())
        let (resident, other) = (object(0), object(1))
        _ = table.insert(resident, diskBytes: 8_192, isResident: true)
        _ = table.insert(other, diskBytes: 8_192, isResident: false)
        #expect(table.notOnDisk(resident).isEmpty)
        #expect(removed(table.notOnDisk(other)) == [key(1)])
        #expect(table.diskBytes == 0)
        #expect(table.count == 1)
        #expect(removed(table.remove(resident)) == [key(0)])
        #expect(table.memoryBytes == 0)
        #expect(table.diskBytes == 0)
        // Nothing happens twice.
        #expect(table.remove(resident).isEmpty)
        #expect(table.notOnDisk(resident).isEmpty)
        #expect(table.loaded(resident).isEmpty)
    }

    @Test func variantsAreToldApartAndReplaced() {
        var table = CacheTable(limits: CacheLimits())
        let one = key(1)
        func variant(_ language: String?, bytes: Int) -> CachedObject {
            let request: HeaderFields = language.map { ["Accept-Language": $0] } ?? [:]
            return object(1, bytes: bytes, head: head(bytes, vary: "Accept-Language", request: request))
        }
        for (index, language) in ["de", "en", nil, ""].enumerated() {
            _ = table.insert(variant(language, bytes: index), diskBytes: 0, isResident: true)
        }
        // No such field and an empty one are two.
        #expect(table.variants(one).map(\.body.count) == [3, 2, 1, 0])
        #expect(table.only(one) == nil)
        #expect(removed(table.insert(variant("DE", bytes: 9), diskBytes: 0, isResident: true)) == [one])
        #expect(table.variants(one).map(\.body.count) == [9, 3, 2, 1])
    }

    @Test func aKeyHasSoManyVariantsAtMost() {
        var table = CacheTable(limits: CacheLimits())
        for number in 0..<200 {
            let varied = head(10, vary: "X", request: ["X": "\(number)"])
            _ = table.insert(object(1, bytes: 10, head: varied), diskBytes: 0, isResident: true)
        }
        #expect(table.count == CacheTable.variantsMax)
        #expect(table.variants(key(1)).first?.head.vary == VaryKey(varyOn: ["X"], request: ["X": "199"]))
        #expect(table.variants(key(1)).last?.head.vary == VaryKey(varyOn: ["X"], request: ["X": "136"]))
    }

    /// Whatever is done in whatever order: the sums are those of what is there, and within their bounds.
    @Test(arguments: [UInt64(1), 2, 3]) func sumsHoldInAnyOrder(seed: UInt64) {
        var random = seed
        func next(_ bound: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % bound
        }
        var table = CacheTable(limits: limits(memoryObjects: 8, diskObjects: 12, bytes: 4_000))
        var known: [CachedObject] = []
        for _ in 0..<3_000 {
            let some = known.isEmpty ? nil : known[next(known.count)]
            switch next(6) {
            case 0, 1:
                let bytes = next(8_000)
                let isResident = next(3) > 0
                known.append(object(next(30), bytes: bytes))
                let diskBytes = isResident && next(4) == 0 ? 0 : CacheLimits.onDisk(bytes) + 4_096
                _ = table.insert(known.last!, diskBytes: diskBytes, isResident: isResident)
            case 2: if let some { _ = table.remove(some) }
            case 3: if let some { _ = table.loaded(some) }
            case 4: if let some { _ = table.notOnDisk(some) }
            default: _ = table.only(key(next(30)))
            }
            let stored = table.entries.compactMap { $0 }
            #expect(stored.count == table.count)
            #expect(table.diskBytes == stored.reduce(0) { $0 + $1.diskBytes })
            #expect(
                table.memoryBytes
                    == stored.reduce(0) { $0 + $1.object.headBytes + ($1.isResident ? $1.object.body.count : 0) })
            #expect(table.memoryBytes <= table.limits.memoryBytes)
            #expect(table.diskBytes <= table.limits.diskBytes)
            #expect(table.keys.reduce(0) { $0 + table.all($1).count } == table.count)
        }
    }
}
