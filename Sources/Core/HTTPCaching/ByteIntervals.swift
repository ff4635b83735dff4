/// A set of byte positions as ascending half-open ranges that neither overlap nor touch.
package struct ByteIntervals: Equatable, Sendable {
    package private(set) var ranges: [Range<Int>] = []

    package init() {}
    package init(_ ranges: some Sequence<Range<Int>>) { for range in ranges { insert(range) } }

    package var isEmpty: Bool { ranges.isEmpty }
    package var count: Int { ranges.reduce(0) { $0 + $1.count } }

    package mutating func insert(_ range: Range<Int>) {
        if range.isEmpty { return }
        let first = ranges.firstIndex { $0.upperBound >= range.lowerBound } ?? ranges.endIndex
        let end = ranges[first...].firstIndex { $0.lowerBound > range.upperBound } ?? ranges.endIndex
        var merged = range
        for old in ranges[first..<end] {
            merged = min(merged.lowerBound, old.lowerBound)..<max(merged.upperBound, old.upperBound)
        }
        ranges.replaceSubrange(first..<end, with: [merged])
    }

    mutating func formUnion(_ other: ByteIntervals) { for range in other.ranges { insert(range) } }

    package func contains(_ range: Range<Int>) -> Bool {
        range.isEmpty || ranges.contains { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound }
    }

    /// What of `range` is not in the set, ascending.
    package func missing(in range: Range<Int>) -> [Range<Int>] {
        var gaps: [Range<Int>] = []
        var start = range.lowerBound
        for held in ranges where held.upperBound > range.lowerBound && held.lowerBound < range.upperBound {
            if held.lowerBound > start { gaps.append(start..<held.lowerBound) }
            start = held.upperBound
        }
        if start < range.upperBound { gaps.append(start..<range.upperBound) }
        return gaps
    }
}
