/// Numbers one leadership: counter × 65,536 + the leader's id, so that no two edges ever claim the same term. Of two terms the
/// greater is the newer.
package struct Term: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 0 (none) or counter × 65,536 + id with a counter of 1…`counterMax`: it fits any signed 64-bit integer.
    package let rawValue: UInt64

    static let counterMax: UInt64 = (1 << 47) - 1
    /// No leadership: older than every other term.
    package static let zero = Term(trusted: 0)

    /// Nil for what no edge can have claimed: a counter of 0 or above `counterMax`, or no holder.
    package init?(rawValue: UInt64) {
        let counter = rawValue >> 16
        guard rawValue == 0 || (1...Self.counterMax).contains(counter) && rawValue & 0xFFFF > 0 else { return nil }
        self.rawValue = rawValue
    }

    /// Nil for a counter outside 1…`counterMax`.
    package init?(counter: UInt64, holder: EdgeID) {
        guard (1...Self.counterMax).contains(counter) else { return nil }
        rawValue = counter << 16 | UInt64(holder.rawValue)
    }

    private init(trusted: UInt64) { rawValue = trusted }

    package var counter: UInt64 { rawValue >> 16 }
    /// Who claimed it; nil for `zero`.
    package var holder: EdgeID? { EdgeID(rawValue: UInt16(truncatingIfNeeded: rawValue)) }
    package var description: String { String(rawValue) }

    /// The first term of `holder` that is newer than this one; nil when the counters are used up.
    package func next(for holder: EdgeID) -> Term? { Term(counter: counter + 1, holder: holder) }

    package static func < (a: Term, b: Term) -> Bool { a.rawValue < b.rawValue }
}
