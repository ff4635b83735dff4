/// What a fetch asks its upstream for, or a client wants of a fetch.
package enum Span: Sendable, Equatable {
    case whole
    /// HEAD.
    case head
    /// The last so many bytes.
    case suffix(Int)
    /// Nil: to the end.
    case bytes(from: Int, to: Int?)

    /// `Range`'s value; nil: the request has none.
    package var field: String? {
        switch self {
        case .whole, .head: nil
        case .suffix(let count): "bytes=-\(count)"
        case .bytes(let from, let to): "bytes=\(from)-" + (to.map { String($0 - 1) } ?? "")
        }
    }

    /// Whether a fetch of this, whose head has not come yet, will bring what is wanted, and soon.
    package func brings(_ wanted: Span) -> Bool {
        switch (self, wanted) {
        case (.whole, .whole), (.whole, .head), (.head, .head): true
        case (.suffix(let own), .suffix(let other)): own == other
        case (.whole, .bytes(let first, _)): first <= Slices.aheadMax
        case (.bytes(let from, let to), .bytes(let first, let end)):
            from <= first && first <= from + Slices.aheadMax && end ?? .max <= to ?? .max
        default: false
        }
    }

    /// Whether these bytes, which an upstream sent, begin with what was asked for.
    package func isAnswered(by range: Range<Int>, of total: Int) -> Bool {
        switch self {
        case .whole, .head: false
        case .suffix(let count): range == max(0, total - min(count, total))..<total
        case .bytes(let from, let to): range.lowerBound == from && range.upperBound <= to ?? .max
        }
    }
}
