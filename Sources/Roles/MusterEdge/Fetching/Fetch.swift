internal import HTTPCaching
internal import MusterCache

/// Something stored that may answer a request.
enum Candidate: Sendable {
    case object(CachedObject)
    case parts(PartSet)

    var head: StoredResponse {
        switch self {
        case .object(let object): object.head
        case .parts(let set): set.head
        }
    }
}

/// What a request needs of the upstream.
struct Fetch: Sendable {
    var request: EdgeRequest
    /// What is stored for it already, to be validated or completed.
    var stored: Candidate?
    /// In the place of the request's own conditions and range. Nil: the request goes as it came.
    var conditions: HeaderFields?
    var reason: ForwardReason
    /// What the upstream is asked for.
    var span = Span.whole
    /// Made from what is stored, to validate it for everybody, and not from the request of the one who waits.
    var isOfStored = false
    /// Another edge's copy, to be stored here as what the upstream answered.
    var copy: CopySource?

    /// Whether one fetch does for all who ask alike. A range that goes as it came is its sender's own.
    var isShared: Bool { request.isPlain && (conditions != nil || !request.cache.fields.contains("Range")) }
}
