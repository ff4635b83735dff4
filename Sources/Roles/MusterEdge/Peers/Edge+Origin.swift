internal import Glibc
internal import HTTPCaching
internal import MusterAPI
internal import MusterCache
internal import MusterElection
internal import MusterHTTPClient
internal import MusterLog
internal import MusterRole
internal import MusterScheduling
internal import MusterSystem
internal import Synchronization

/// Follows an origin's changes, where the upstream is an origin of Muster's: an image that was put or deleted there is forgotten here.
///
/// The upstream is not asked for changes before an answer of its own has shown that it numbers them (`X-Muster-Version`).
extension Edge {
    /// How far an origin's changes are known here.
    struct OriginPosition: Hashable, Sendable {
        /// Names one history of versions.
        var origin: String
        var version: UInt64

        var text: String { "\(version) \(origin)" }

        init(origin: String, version: UInt64) { (self.origin, self.version) = (origin, version) }

        /// Nil for what `text` did not make.
        init?(_ text: String) {
            let words = text.split { $0 == " " || $0 == "\n" }
            guard words.count == 2, let version = UInt64(words[0]) else { return nil }
            self.init(origin: String(words[1]), version: version)
        }
    }

    /// An answer of the upstream's carries a version: it has changes to follow.
    func noticeOrigin(_ response: UpstreamResponse) {
        guard let version = response.fields.imageVersion else { return }
        followOrigin(since: version)
    }

    /// `first`: the first version that came from there, where it was never followed before.
    func followOrigin(since first: UInt64? = nil) {
        following.withLock { following in
            guard following == nil else { return }
            following = Task { [weak self] in await self?.followUntilCancelled(since: first) }
        }
    }

    private func followUntilCancelled(since first: UInt64?) async {
        var backoff = Backoff(base: .milliseconds(100), cap: .seconds(2))
        var random = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            do {
                try await followOnce(since: first) { backoff.reset() }
            } catch {
                Log.debug("the origin's changes cannot be followed", ["reason": "\(error)"])
            }
            try? await Task.sleep(for: backoff.next(using: &random))
        }
    }

    private func originRequest(_ path: String) -> HTTPClientRequest {
        // The origin says something on its stream every ten seconds; a connection that nobody answers on breaks off.
        var request = HTTPClientRequest("GET", configuration.upstream.url + path, idleTimeout: .seconds(30))
        if let token = configuration.upstream.token { request.headers.append(("Authorization", "Bearer \(token)")) }
        return request
    }

    private func followOnce(since first: UInt64?, _ isOpen: () -> Void) async throws {
        var request = originRequest("/v1/events")
        let position = storedPosition()
        if let position { request.headers.append(("Last-Event-ID", "\(position.version)")) }
        let stream = try await client.stream(request)
        guard stream.status == 200 else {
            stream.cancel()
            throw NodeError(.unavailable, "\(configuration.upstream.url)/v1/events answers \(stream.status)")
        }
        isOpen()
        var parser = ServerSentEventParser()
        while let bytes = try await stream.next() {
            for event in try parser.feed(bytes) { try await received(event, since: first) }
        }
    }

    private func received(_ event: ServerSentEvent, since first: UInt64?) async throws {
        switch event.event {
        case "hello":
            var fields = try JSONFields(body: Array(event.data.utf8))
            let origin = try fields.string("origin") ?? ""
            let version = UInt64(try fields.int("version", in: 0...Int.max) ?? 0)
            if let known = storedPosition(), known.origin != origin {
                await begin(OriginPosition(origin: origin, version: version))
            } else if storedPosition() == nil {
                // Whatever was fetched since that first answer changed after it, if it changed.
                keep(OriginPosition(origin: origin, version: first ?? 0))
                try await readChanges()
            }
        case "change":
            let change = try ImageChange(fields: JSONFields(body: Array(event.data.utf8)))
            await apply(change)
            if var position = storedPosition() {
                position.version = max(position.version, change.version)
                keep(position)
            }
        case "reset": try await readChanges()
        default: break
        }
    }

    /// Too much happened to be told by events: page by page.
    private func readChanges() async throws {
        while let position = storedPosition() {
            let response = try await client.send(originRequest("/v1/changes?since=\(position.version)"))
            guard response.status == 200 else {
                throw NodeError(.unavailable, "/v1/changes answers \(response.status)")
            }
            let page = try ImageChanges(body: response.body)
            if page.isReset || page.origin != position.origin {
                await begin(OriginPosition(origin: page.origin, version: position.version))
            }
            for change in page.changes { await apply(change) }
            let next = page.next
            keep(OriginPosition(origin: page.origin, version: next ?? page.version))
            if next == nil { return }
        }
    }

    private func apply(_ change: ImageChange) async {
        let image = change.id.rawValue
        floors.withLock { $0.raise(image, to: change.version) }
        var held: Set<CacheKey> = []
        flights.forbidStoring(below: change.version) { ImageTarget(of: $0)?.number == image }
        store.remove { key in
            ImageTarget(of: key)?.number == image
        } and: { object in
            let isOld = object.head.fields.imageVersion.map { $0 < change.version } ?? true
            if isOld, !object.isPart { held.insert(object.key) }
            return isOld
        }
        await store.settle()
        let isLeader = peers.withLock { $0.election.isLeader && !$0.places.isEmpty }
        // What was wanted before is wanted again; the others pull it from here.
        if isLeader, !change.isDeletion { warm(held.map { Copy(target: $0.target, version: change.version) }) }
    }

    /// What is stored comes from another history. Where that one begins is known first: no copy of the old one is taken any more.
    private func begin(_ new: OriginPosition) async {
        position.withLock { $0 = new }
        floors.withLock { $0.reset() }
        _ = await purge { ImageTarget(of: $0) != nil }
        keep(new)
    }

    // MARK: Copies of other edges

    /// Whether a copy is of the history that is followed here, and its giver was not behind what was known here when it was
    /// asked: else it may have what was changed or deleted since.
    func isCurrent(_ response: UpstreamResponse, _ copy: CopySource) -> Bool {
        guard let version = response.fields.imageVersion else { return true }
        guard let theirs = response.fields[CopySource.positionField].flatMap({ OriginPosition($0) }) else {
            return false
        }
        if let own = copy.position { return theirs.origin == own.origin && theirs.version >= own.version }
        // Nothing is followed here yet: from this copy's version on.
        let first = OriginPosition(origin: theirs.origin, version: min(version, theirs.version))
        let isFirst = position.withLock { position in
            if position == nil { position = first }
            return position == first
        }
        if isFirst { keep(first) }
        return isFirst
    }

    // MARK: Where it stands

    private var positionPath: String { configuration.dataDirectory + "/origin" }

    func storedPosition() -> OriginPosition? { position.withLock { $0 } }

    /// On the disk, too, but not forced there: an older one only has more changes told again.
    private func keep(_ new: OriginPosition) {
        position.withLock { $0 = new }
        try? writeDirectly(Array("\(new.text)\n".utf8), to: positionPath + ".part")
        rename(positionPath + ".part", positionPath)
    }

    static func storedPosition(in directory: String) throws(NodeError) -> OriginPosition? {
        guard let bytes = try readWhole(directory + "/origin", bytesMax: 4_096) else { return nil }
        return OriginPosition(String(decoding: bytes, as: UTF8.self))
    }
}
