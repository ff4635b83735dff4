/// Checks stored sets before CRoaring reads them: it takes whatever lies within the bytes, counts wrongly where numbers are out of
/// order or others than the head says, and promises nothing for what is done with such a set. "Roaring format specification" (2023):
/// all numbers little-endian.
struct RoaringFormat {
    private var rest: ArraySlice<UInt8>

    /// Whether these bytes, all of them, are a set as the specification has it.
    static func isValid(_ bytes: [UInt8]) -> Bool {
        var reader = RoaringFormat(rest: bytes[...])
        return reader.readSet() && reader.rest.isEmpty
    }

    private static let arrayMax = 4_096
    private static let bitmapBytes = 8_192
    /// With runs, the places of containers are told from this many on.
    private static let placesFrom = 4

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func number() -> Int? {
        let start = rest.startIndex
        return take(2).map { Int($0[start]) | Int($0[start + 1]) << 8 }
    }

    private mutating func longNumber() -> Int? {
        guard let low = number(), let high = number() else { return nil }
        return low | high << 16
    }

    /// The kinds of containers, each one's key and how many numbers it has, their places, then they themselves.
    private mutating func readSet() -> Bool {
        guard let cookie = longNumber() else { return false }
        let hasRuns = cookie & 0xFFFF == 12_347
        guard hasRuns || cookie == 12_346, let size = hasRuns ? cookie >> 16 + 1 : longNumber(), size <= 1 << 16,
            let runs = hasRuns ? take((size + 7) / 8).map(Array.init) : []
        else { return false }
        var counts: [Int] = []
        var last = -1
        for _ in 0..<size {
            guard let key = number(), let more = number(), key > last else { return false }
            last = key
            counts.append(more + 1)
        }
        // CRoaring goes by the containers' order, as this does.
        if !hasRuns || size >= Self.placesFrom, take(4 * size) == nil { return false }
        for (place, count) in counts.enumerated() {
            let isRun = hasRuns && runs[place / 8] >> (place % 8) & 1 == 1
            guard isRun ? readRuns(count) : count <= Self.arrayMax ? readArray(count) : readBitmap(count) else {
                return false
            }
        }
        return true
    }

    private mutating func readArray(_ count: Int) -> Bool {
        var last = -1
        for _ in 0..<count {
            guard let value = number(), value > last else { return false }
            last = value
        }
        return true
    }

    private mutating func readBitmap(_ count: Int) -> Bool {
        take(Self.bitmapBytes)?.reduce(0) { $0 + $1.nonzeroBitCount } == count
    }

    /// Each run has its first number, and how many follow.
    private mutating func readRuns(_ count: Int) -> Bool {
        guard let runs = number() else { return false }
        var (last, total) = (-1, 0)
        for _ in 0..<runs {
            guard let first = number(), let more = number(), first > last, first + more <= 0xFFFF else { return false }
            last = first + more
            total += more + 1
        }
        return total == count
    }
}
