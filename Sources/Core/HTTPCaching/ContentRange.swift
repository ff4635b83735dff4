/// `Content-Range: bytes …` (RFC 9110 14.4).
package struct ContentRange: Equatable, Sendable {
    /// The bytes that the body is; nil in a 416.
    package let range: Range<Int>?
    /// Of the whole representation; nil for `*`.
    package let bytes: Int?

    package init(range: Range<Int>, bytes: Int?) { (self.range, self.bytes) = (range, bytes) }

    /// `bytes */N`: what a 416 carries.
    package init(unsatisfiedOf bytes: Int) { (range, self.bytes) = (nil, bytes) }

    /// Nil when malformed, of another unit, or when the last position is before the first or not within the length.
    package init?(_ value: String) {
        let parts = FieldSyntax.trimmed(Substring(value)).split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, FieldSyntax.same(parts[0], "bytes") else { return nil }
        let halves = parts[1].split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2 else { return nil }
        let length = FieldSyntax.number(halves[1], max: .max)
        guard length != nil && length != .max || halves[1] == "*" else { return nil }
        bytes = length
        if halves[0] == "*" {
            guard length != nil else { return nil }
            range = nil
            return
        }
        let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = FieldSyntax.number(ends[0], max: .max),
            let last = FieldSyntax.number(ends[1], max: .max), first <= last, last < length ?? .max
        else { return nil }
        range = first..<(last + 1)
    }

    package var text: String {
        let length = bytes.map(String.init) ?? "*"
        return range.map { "bytes \($0.lowerBound)-\($0.upperBound - 1)/\(length)" } ?? "bytes */\(length)"
    }
}
