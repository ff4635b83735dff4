internal import HTTPCaching
internal import MusterHTTP
internal import MusterSystem
internal import MusterWire

/// Conditional requests at the origin (RFC 9110, 13): entity tags and dates of the image as it is now.
enum ImageConditions {
    enum Verdict { case go, notModified }

    /// For a GET or HEAD, in the order of RFC 9110, 13.2.2. Throws a `Problem` (412).
    static func judge(_ request: HTTPRequest, _ record: ImageRecord) throws(Problem) -> Verdict {
        guard request.headers.contains(where: { isCondition($0.name) }) else { return .go }
        let fields = HeaderFields(request.headers.map { ($0.name, $0.value) })
        try requireMatch(fields, record)
        let now = Int(SystemTime.wallClockMs())
        return Preconditions.isNotModified(fields, record.validators(nowMs: now), nowMs: now) ? .notModified : .go
    }

    /// For what changes an image; nil is one that is not there. Throws a `Problem` (412).
    static func requireMatch(_ request: HTTPRequest, _ record: ImageRecord?) throws(Problem) {
        guard request.headers.contains(where: { isCondition($0.name) }) else { return }
        let fields = HeaderFields(request.headers.map { ($0.name, $0.value) })
        try requireMatch(fields, record)
        let tags = fields.values("If-None-Match")
        guard let record, Preconditions.matchesAny(tags, EntityTag(record.etag)) else { return }
        throw refusal("If-None-Match", fields, record)
    }

    private static func requireMatch(_ fields: HeaderFields, _ record: ImageRecord?) throws(Problem) {
        if fields.contains("If-Match") {
            let own = record.flatMap { EntityTag($0.etag) }
            let matches = fields.list("If-Match").contains { tag in
                tag == "*" ? own != nil : EntityTag(tag).map { own?.matchesStrongly($0) == true } == true
            }
            if !matches { throw refusal("If-Match", fields, record) }
        } else if let until = fields["If-Unmodified-Since"].flatMap({ HTTPDate.parse($0) }), let record {
            if Int(clamping: record.modifiedSeconds) > until { throw refusal("If-Unmodified-Since", fields, record) }
        }
    }

    private static func refusal(_ name: String, _ fields: HeaderFields, _ record: ImageRecord?) -> Problem {
        let now = record.map { "its ETag is \($0.etag)" } ?? "there is none"
        return Problem(
            412, "\(name) is \((fields.combined(name) ?? "").prefix(80)), but of this image \(now).", code: "condition")
    }

    private static func isCondition(_ name: String) -> Bool {
        let first = name.utf8.first
        return (first == UInt8(ascii: "I") || first == UInt8(ascii: "i"))
            && name.utf8.dropFirst(2).first == UInt8(ascii: "-")
    }
}

extension ImageRecord {
    /// Of an answer that is made now.
    func validators(nowMs: Int) -> Validators {
        Validators(entityTag: EntityTag(etag), lastModified: Int(clamping: modifiedSeconds), date: nowMs / 1_000)
    }
}
