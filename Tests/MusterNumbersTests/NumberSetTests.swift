import MusterCore
import MusterNumbers
import Testing

@Suite struct NumberSetTests {
    /// Reproducible numbers that are not in order and repeat.
    private func numbers(_ count: Int, range: Int, seed: UInt64 = 1) -> [UInt32] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt32(1 + (state >> 33) % UInt64(range))
        }
    }

    @Test func countsEachNumberOnce() {
        let set = NumberSet(range: 1_000)
        #expect(set.merge([1, 1_000, 7, 7, 1]) == 3)
        #expect(set.merge([7, 8]) == 1)
        #expect(set.merge([]) == 0)
        #expect(set.count == 4)
    }

    @Test(arguments: [1, 100, 70_000, 10_000_000, 4_294_967_295])
    func agreesWithAPlainSet(_ range: Int) throws {
        let set = NumberSet(range: range)
        var plain: Set<UInt32> = []
        for seed in 1...8 as ClosedRange<UInt64> {
            let batch = numbers(20_000, range: range, seed: seed)
            let before = plain.count
            plain.formUnion(batch)
            #expect(set.merge(batch) == plain.count - before)
        }
        #expect(set.count == plain.count)
        let stored = StoredNumbers(
            snapshot: set.serialized(), log: [], lastSequence: 1, received: 160_000, rejected: 0)
        #expect(try NumberSet(range: range, stored: stored).count == plain.count)
    }

    @Test func snapshotAndBatchesMakeTheWhole() throws {
        let first = NumberSet(range: 1_000)
        first.merge([1, 2, 3])
        let stored = StoredNumbers(
            snapshot: first.serialized(), log: [NumberSet.serialized(of: [3, 4]), NumberSet.serialized(of: [1_000])],
            lastSequence: 2, received: 6, rejected: 0)
        let set = try NumberSet(range: 1_000, stored: stored)
        #expect(set.count == 5)
        #expect(set.merge([1, 2, 3, 4, 1_000]) == 0)
    }

    @Test(arguments: [[], [0], Array("no set of numbers".utf8), [UInt8](repeating: 255, count: 4_096)])
    func damagedBytesAreRefused(_ bytes: [UInt8]) {
        let set = NumberSet(range: 1_000)
        set.merge([5])
        #expect(throws: NumberSet.Damaged.self) { try set.merge(serialized: bytes) }
        #expect(set.count == 1)
    }

    @Test func eachBytesOfAStoredSetChangedIsNoCrash() {
        let good = NumberSet.serialized(of: numbers(2_000, range: 200_000))
        for place in stride(from: 0, to: good.count, by: 7) {
            var bad = good
            bad[place] ^= 0xFF
            _ = try? NumberSet(range: 200_000).merge(serialized: bad)
            _ = try? NumberSet(range: 200_000).merge(serialized: Array(good.prefix(place)))
        }
    }

    /// CRoaring reads them, and counts or writes wrongly later.
    @Test(
        arguments: [
            // Numbers out of order, and one twice.
            [0x3A, 0x30, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 16, 0, 0, 0, 2, 0, 1, 0],
            [0x3A, 0x30, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 16, 0, 0, 0, 2, 0, 2, 0],
            // Keys out of order.
            [0x3A, 0x30, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 24, 0, 0, 0, 26, 0, 0, 0, 5, 0, 5, 0],
            // A run beyond 65535, runs that overlap, and a run of more numbers than are told.
            [0x3B, 0x30, 0, 0, 1, 0, 0, 9, 0, 1, 0, 0xFF, 0xFF, 9, 0],
            [0x3B, 0x30, 0, 0, 1, 0, 0, 3, 0, 2, 0, 5, 0, 1, 0, 6, 0, 1, 0],
            [0x3B, 0x30, 0, 0, 1, 0, 0, 1, 0, 1, 0, 5, 0, 4, 0],
            // Something behind a set.
            [0x3A, 0x30, 0, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]])
    func setsThatContradictThemselvesAreRefused(_ bytes: [UInt8]) {
        #expect(throws: NumberSet.Damaged.self) { try NumberSet(range: 100_000).merge(serialized: bytes) }
    }

    /// Arrays, a bitmap and runs, as another writer lays them out.
    @Test func eachKindOfContainerIsRead() throws {
        let runs: [UInt8] = [0x3B, 0x30, 1, 0, 1, 0, 0, 9, 0, 1, 0, 1, 0, 1, 0, 5, 0, 9, 0, 2, 0, 7, 0]
        let set = NumberSet(range: 100_000)
        #expect(try set.merge(serialized: runs) == 12)
        #expect(set.merge([5, 14, 65_537, 65_543]) == 1)
        let even = stride(from: 2, to: 20_000, by: 2).map { UInt32($0) }
        #expect(try NumberSet(range: 100_000).merge(serialized: NumberSet.serialized(of: even)) == even.count)
    }

    @Test func aSmallerRangeThanStoredIsRefused() {
        let stored = StoredNumbers(
            snapshot: NumberSet.serialized(of: [501]), log: [], lastSequence: 0, received: 1, rejected: 0)
        #expect(throws: NumberSet.Damaged.self) { try NumberSet(range: 500, stored: stored) }
    }

    @Test func aFullRangeIsSmall() {
        let set = NumberSet(range: 10_000_000)
        set.merge((1...10_000_000).map { UInt32($0) })
        #expect(set.count == 10_000_000)
        #expect(set.bytes <= 2_000_000)
    }
}
