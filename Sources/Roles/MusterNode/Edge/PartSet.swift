internal import MusterCache
internal import MusterCore

/// Parts of one representation that may answer together (RFC 9111, 3.4): all that have the same strong tag and length. A part without
/// a strong tag is a set of its own.
struct PartSet: Sendable {
    /// The newest part's fields; its content is what all parts hold, and complete, with status 200, once that is all there is.
    let head: StoredResponse
    let parts: [CachedObject]

    /// `parts`: of one key.
    static func sets(_ parts: [CachedObject], policy: CachePolicy) -> [PartSet] {
        var groups: [[CachedObject]] = []
        for part in parts {
            let group = groups.firstIndex { group in
                let first = group[0]
                return part.head.strongTag != nil && part.head.bytes != nil && first.head.vary == part.head.vary
                    && first.isOfSame(part)
            }
            if let group { groups[group].append(part) } else { groups.append([part]) }
        }
        return groups.map { PartSet($0, policy: policy) }
    }

    private init(_ parts: [CachedObject], policy: CachePolicy) {
        self.parts = parts
        let newest = parts.max { $0.head.responseTimeMs < $1.head.responseTimeMs }?.head ?? parts[0].head
        let held = ByteIntervals(parts.map(\.range))
        var content = StoredContent.partial(held: held, bytes: newest.bytes)
        var fields = newest.fields
        fields.remove("Content-Range")
        fields.remove("Content-Length")
        if let bytes = newest.bytes, held.contains(0..<bytes) {
            content = .complete(bytes: bytes)
            fields.set("Content-Length", String(bytes))
        }
        head = StoredResponse(
            status: content.isComplete ? 200 : 206, fields: fields, requestMethod: newest.requestMethod,
            requestTimeMs: newest.requestTimeMs, responseTimeMs: newest.responseTimeMs, vary: newest.vary,
            content: content, policy: policy)
    }

    /// Those that hold bytes of this range.
    func parts(within range: Range<Int>) -> [CachedObject] { parts.filter { $0.range.overlaps(range) } }

    /// Whether all of the range is there.
    func holds(_ range: Range<Int>) -> Bool { ByteIntervals(parts.map(\.range)).contains(range) }
}

/// What of a range the edge asks of its upstream: whole slices, so that all who want something near by are one fetch.
enum Slices {
    /// Bytes.
    static let bytes = 1 << 20
    /// A client waits for bytes that are at most so many ahead of what has come; for others it asks itself.
    static let aheadMax = 2 * bytes

    static func start(_ place: Int) -> Int { place / bytes * bytes }

    /// Behind the slice of the byte before `end`. Nil: so far that all to the end is meant.
    static func end(_ end: Int) -> Int? { end >= 1 << 60 ? nil : (end + bytes - 1) / bytes * bytes }
}

/// What a fetch asks its upstream for, or a client wants of a fetch.
enum Span: Sendable, Equatable {
    case whole
    /// HEAD.
    case head
    /// The last so many bytes.
    case suffix(Int)
    /// Nil: to the end.
    case bytes(from: Int, to: Int?)

    /// `Range`'s value; nil: the request has none.
    var field: String? {
        switch self {
        case .whole, .head: nil
        case .suffix(let count): "bytes=-\(count)"
        case .bytes(let from, let to): "bytes=\(from)-" + (to.map { String($0 - 1) } ?? "")
        }
    }

    /// Whether a fetch of this, whose head has not come yet, will bring what is wanted, and soon.
    func brings(_ wanted: Span) -> Bool {
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
    func isAnswered(by range: Range<Int>, of total: Int) -> Bool {
        switch self {
        case .whole, .head: false
        case .suffix(let count): range == max(0, total - min(count, total))..<total
        case .bytes(let from, let to): range.lowerBound == from && range.upperBound <= to ?? .max
        }
    }
}
