/// Names one edge, 1…65,535. The highest that lives leads.
package struct EdgeID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16

    /// Nil for 0, which names nobody.
    package init?(rawValue: UInt16) {
        guard rawValue > 0 else { return nil }
        self.rawValue = rawValue
    }

    /// Nil outside 1…65,535.
    package init?(_ number: Int) {
        guard let number = UInt16(exactly: number) else { return nil }
        self.init(rawValue: number)
    }

    package var description: String { String(rawValue) }

    package static func < (a: EdgeID, b: EdgeID) -> Bool { a.rawValue < b.rawValue }
}
