internal import MusterAPI
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterJSON
internal import MusterRole
internal import MusterWire

/// Lists of images, and the stream of their changes.
final class ImageChangeRoutes: Sendable {
    /// Items of one answer, when the caller does not say, and at most.
    private static let pageDefault = 1_000
    private static let pageMax = 10_000
    /// Changes that a stream catches up with by itself: they must fit its buffer.
    private static let replayMax = 1_000
    /// What follows from the moment's state alone.
    private static let uncached = [(name: "Cache-Control", value: "no-store")]

    private let store: ImageStore
    private let events: EventHub

    /// `events` are the changes of `store`.
    init(_ store: ImageStore, _ events: EventHub) { (self.store, self.events) = (store, events) }

    func listImages(_ request: HTTPRequest) throws -> HTTPOutcome {
        let limit = try request.queryInt("limit", in: 1...Self.pageMax) ?? Self.pageDefault
        let after = try request.queryInt("after", in: 0...Int.max).map { ImageID(Int64($0)) }
        let (entries, hasMore) = store.list(after: after, limit: limit)
        let page = ImagePage(
            count: store.figures.images, images: entries.map(\.status),
            next: hasMore ? entries.last?.record.id : nil)
        return .respond(.json(page.body, headers: Self.uncached))
    }

    func listChanges(_ request: HTTPRequest) throws -> HTTPOutcome {
        let limit = try request.queryInt("limit", in: 1...Self.pageMax) ?? Self.pageDefault
        let since = UInt64(try request.queryInt("since", in: 0...Int.max) ?? 0)
        return .respond(.json(store.changes(since: since, limit: limit).body, headers: Self.uncached))
    }

    /// Goes on behind `Last-Event-ID`, which is a version. What happened since comes first, or `reset` where that is not
    /// known or too much.
    func streamEvents(_ request: HTTPRequest) throws -> HTTPOutcome {
        let last = request.header("last-event-id") ?? ""
        guard let since = last.isEmpty ? UInt64.max : UInt64(last) else {
            throw Problem(400, "Last-Event-ID is a version, not \"\(last.prefix(80))\".")
        }
        let stream = try store.following(since: since, limit: Self.replayMax) { changes throws(Problem) in
            try events.open(greeting: Self.greeting(changes, resumes: !last.isEmpty))
        }
        return .respond(.eventStream(stream))
    }

    private static func greeting(_ changes: ImageChanges, resumes: Bool) -> [UInt8] {
        var data = JSONWriter()
        data.beginObject()
        data.field("origin", changes.origin)
        data.field("version", changes.version)
        data.endObject()
        guard resumes else { return ServerSentEvent.bytes("hello", id: changes.version, data: data.bytes) }
        // Its id would be the version before what follows: none, so that a break in between loses nothing.
        let hello = ServerSentEvent.bytes("hello", id: nil, data: data.bytes)
        if changes.isReset || changes.next != nil {
            return hello + ServerSentEvent.bytes("reset", id: changes.version, data: data.bytes)
        }
        return changes.changes.reduce(into: hello) { bytes, change in
            var data = JSONWriter()
            change.write(to: &data)
            bytes += ServerSentEvent.bytes("change", id: change.version, data: data.bytes)
        }
    }
}

extension ImageStore.Entry {
    var status: ImageStatus {
        var status = record.status
        if isDamaged { status.damage = "its trailer is missing or broken" }
        return status
    }
}
