import MusterAPI
import Testing

@testable import MusterOrigin

/// Changes by version, as plain calls.
@Suite struct OriginHistoryTests {
    private static func entry(_ id: Int64, _ version: UInt64) -> ChangeHistory.Entry {
        ChangeHistory.Entry(id: ImageID(id), version: version)
    }

    @Test func eachImageIsToldOnceWithItsLatestChange() {
        var history = ChangeHistory(images: [], tombstones: [], floor: 0)
        history.put(ImageID(1), version: 1)
        history.put(ImageID(2), version: 2)
        history.delete(ImageID(1), version: 5)
        history.put(ImageID(2), version: 6)
        history.put(ImageID(3), version: 9)
        #expect(history.changes(since: 0, limit: 9) == [Self.entry(1, 5), Self.entry(2, 6), Self.entry(3, 9)])
        #expect(history.changes(since: 5, limit: 9) == [Self.entry(2, 6), Self.entry(3, 9)])
        #expect(history.changes(since: 5, limit: 1) == [Self.entry(2, 6)])
        #expect(history.changes(since: 9, limit: 9).isEmpty)
        history.put(ImageID(1), version: 10)
        #expect(history.changes(since: 0, limit: 9).map(\.version) == [6, 9, 10])
    }

    /// Against a list that forgets nothing.
    @Test(arguments: 1...20)
    func itTellsWhatAPlainListTells(_ seed: UInt64) {
        var state = seed
        func next(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        var history = ChangeHistory(images: [], tombstones: [], floor: 0)
        var plain: [Int64: UInt64] = [:]
        var version: UInt64 = 0
        for _ in 0..<8_000 {
            version += 1 + next(3)
            let id = Int64(next(50))
            if next(3) == 0 {
                history.delete(ImageID(id), version: version)
            } else {
                history.put(ImageID(id), version: version)
            }
            plain[id] = version
            guard next(100) == 0 else { continue }
            let since = next(version + 1)
            let expected = plain.filter { $0.value > since }.map { Self.entry($0.key, $0.value) }
            #expect(history.changes(since: since, limit: 1_000) == expected.sorted { $0.version < $1.version })
        }
    }

    @Test func deletionsAreForgottenFromTheOldestOn() {
        var history = ChangeHistory(images: [Self.entry(-0, 1)], tombstones: [], floor: 0)
        let count = UInt64(ChangeHistory.tombstonesMax)
        for version in 2...count + 1 { history.delete(ImageID(Int64(version)), version: version) }
        #expect(history.floor == 0 && history.reaches(1))
        history.delete(ImageID(Int64.max), version: count + 2)
        #expect(history.floor == 2)
        #expect(!history.reaches(1) && history.reaches(2) && history.reaches(0))
        #expect(!history.reaches(count + 3))
        #expect(history.changes(since: 0, limit: .max).count == Int(count) + 1)
        for version in count + 3...3 * count { history.delete(ImageID(Int64(version)), version: version) }
        #expect(history.changes(since: 0, limit: .max).count == Int(count) + 1)
        #expect(history.floor == 2 * count)
    }

    @Test func itIsRestoredFromImagesAndDeletions() {
        let history = ChangeHistory(
            images: [Self.entry(1, 4), Self.entry(2, 9)], tombstones: [Self.entry(1, 2), Self.entry(3, 7)], floor: 0)
        #expect(history.changes(since: 0, limit: 9) == [Self.entry(1, 4), Self.entry(3, 7), Self.entry(2, 9)])
        #expect(history.version == 9)
    }
}
