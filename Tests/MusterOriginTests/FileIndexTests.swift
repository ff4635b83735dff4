import MusterAPI
import MusterCore
import MusterCrypto
import Testing

@testable import MusterOrigin

/// How long files are kept and how much room there is, without a disk.
@Suite struct FileIndexTests {
    private static func digest(_ text: String) -> FileDigest {
        FileDigest(bytes: SHA256.digest(of: Array(text.utf8)))
    }

    private static func seconds(_ seconds: Int) -> Moment { .zero + .seconds(seconds) }

    @Test func roomIsTakenAndGivenBack() {
        var index = FileIndex(bytesMax: 100)
        let first = (index.reserve(60), index.reserve(41))
        #expect(first == (true, false) && index.room == 40)
        index.release(60)
        let isNew = index.put(Self.digest("a"), size: 60, until: .zero, isChecked: true)
        let second = (index.reserve(41), index.reserve(40))
        #expect(isNew && second == (false, true) && index.room == 0)
        let gone = index.remove(Self.digest("a"))
        #expect(gone?.size == 60 && index.room == 60 && index.stored == 0 && index.count == 0)
    }

    @Test func keepingNeverShortens() {
        var index = FileIndex(bytesMax: 100)
        let a = Self.digest("a")
        let isNew = [1_000, 10].map { index.put(a, size: 1, until: Self.seconds($0), isChecked: true) }
        #expect(isNew == [true, false])
        #expect(index[a]?.until == Self.seconds(1_000) && index.stored == 1)
        let isKept = [a, Self.digest("b")].map { index.keep($0, until: Self.seconds(5_000)) }
        #expect(isKept == [true, false] && index[a]?.until == Self.seconds(5_000))
    }

    /// Each is found when its time is over, within two minutes, and not before; what was kept longer then.
    @Test func whatIsOverIsFound() {
        var index = FileIndex(bytesMax: 1_000)
        for (name, until) in [("a", 100), ("b", 200), ("c", 4_000)] {
            _ = index.put(Self.digest(name), size: 1, until: Self.seconds(until), isChecked: true)
        }
        _ = index.keep(Self.digest("b"), until: Self.seconds(700))
        var gone: [Int: [FileDigest]] = [:]
        for time in stride(from: 0, through: 5_000, by: 10) {
            for digest in index.overdue(Self.seconds(time), limit: 10) {
                let removed = index.remove(digest)
                #expect(removed.map { $0.until <= Self.seconds(time) } == true)
                gone[time, default: []].append(digest)
            }
        }
        let order = gone.keys.sorted()
        #expect(order.map { gone[$0] } == ["a", "b", "c"].map { [Self.digest($0)] })
        for (time, until) in zip(order, [100, 700, 4_000]) { #expect((until...until + 120).contains(time)) }
        #expect(index.count == 0 && index.stored == 0)
    }

    /// What could not be taken out is found again.
    @Test func whatStaysIsFoundAgain() {
        var index = FileIndex(bytesMax: 10)
        _ = index.put(Self.digest("a"), size: 1, until: Self.seconds(1), isChecked: true)
        for time in [200, 300, 400] {
            let found = index.overdue(Self.seconds(time), limit: 10)
            #expect(found == [Self.digest("a")])
        }
    }
}
