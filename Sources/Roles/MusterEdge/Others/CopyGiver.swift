internal import HTTPCaching
internal import MusterAPI
internal import MusterCache
internal import MusterEdgePeers
internal import MusterElection
internal import MusterHTTP
internal import MusterRole
internal import MusterWire

/// What other edges may take: answers as they are stored, while it is known that none of them was purged.
final class CopyGiver: Sendable {
    /// Bytes of targets in one answer that tells what is stored here.
    private static let targetBytesMax = 2 << 20

    private let copies: SharedCopies
    private let store: CacheStore
    private let touch: Touch
    private let position: @Sendable () -> OriginPosition?

    /// `position`: how far the origin's changes are known here.
    init(
        _ copies: SharedCopies, _ store: CacheStore, _ touch: Touch,
        position: @escaping @Sendable () -> OriginPosition?
    ) {
        (self.copies, self.store, self.touch, self.position) = (copies, store, touch, position)
    }

    func list() throws -> HTTPOutcome {
        try requireTouch()
        var bytes = 0
        let told = copies.recentCopies(CopyQueue.copiesMax).prefix { copy in
            bytes += copy.target.utf8.count
            return bytes <= Self.targetBytesMax
        }
        return .respond(.json(EdgeCopies(Array(told)).body))
    }

    /// A stored answer as it is: with its age, without a word about this cache.
    func give(_ request: HTTPRequest) throws -> HTTPOutcome {
        try requireTouch()
        // First: what is found afterwards is at least as new.
        let position = position()
        guard let target = try request.queryText("target"), let object = copies.usable(target) else {
            throw Problem(404, "There is no copy of this target here that may be taken.")
        }
        return .task { [store] in
            let body = try await store.open(object)
            var fields = object.head.fieldsForReuse(nowMs: nowMs)
            fields.remove("Content-Length")
            if object.head.fields.imageVersion != nil, let position {
                fields.set(CopySource.positionField, position.text)
            }
            return HTTPResponse(
                status: 200, headers: fields.map { ($0.name, $0.value) }, body: body.part(0..<object.body.count))
        }
    }

    private func requireTouch() throws(Problem) {
        guard touch.mayVouch else {
            throw Problem(503, "What was purged while this edge was away is not known yet.", retryAfter: 1)
        }
    }
}
