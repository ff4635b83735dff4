internal import HTTPCaching
internal import MusterCache

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
