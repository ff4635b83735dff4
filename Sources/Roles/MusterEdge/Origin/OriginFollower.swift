internal import Glibc
internal import HTTPCaching
internal import MusterAPI
internal import MusterCache
internal import MusterCore
internal import MusterElection
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Follows an origin's changes, where the upstream is an origin of Muster's: an image that was put or deleted there is forgotten here.
///
/// The upstream is not asked for changes before an answer of its own has shown that it numbers them (`X-Muster-Version`).
final class OriginFollower: OriginWatch {
    private let upstream: EdgeConfiguration.Upstream
    private let path: String
    private let client: HTTPClient
    private let forgetter: Forgetter
    /// Told of what was held of an image that changed.
    let changed = Hook<[Copy]>()
    private let known: Mutex<OriginPosition?>
    private let following = Mutex<Task<Void, Never>?>(nil)

    /// Takes up where an earlier process stood.
    init(
        _ upstream: EdgeConfiguration.Upstream, directory: String, _ client: HTTPClient, _ forgetter: Forgetter
    ) throws(NodeError) {
        (self.upstream, path, self.client, self.forgetter) = (upstream, directory + "/origin", client, forgetter)
        known = Mutex(try Self.stored(path))
    }

    /// Goes on with what was followed before, if anything was.
    func start() { if position != nil { follow() } }

    func stop() { following.withLock { $0?.cancel() } }

    var isFollowing: Bool { following.withLock { $0 != nil } }

    /// An answer of the upstream's carries a version: it has changes to follow.
    func notice(_ response: UpstreamResponse) {
        guard let version = response.fields.imageVersion else { return }
        follow(since: version)
    }

    /// `first`: the first version that came from there, where it was never followed before.
    private func follow(since first: UInt64? = nil) {
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
        var request = HTTPClientRequest("GET", upstream.url + path, idleTimeout: .seconds(30))
        if let token = upstream.token { request.headers.append(("Authorization", "Bearer \(token)")) }
        return request
    }

    private func followOnce(since first: UInt64?, _ isOpen: () -> Void) async throws {
        var request = originRequest("/v1/events")
        let position = self.position
        if let position { request.headers.append(("Last-Event-ID", "\(position.version)")) }
        let stream = try await client.stream(request)
        guard stream.status == 200 else {
            stream.cancel()
            throw NodeError(.unavailable, "\(upstream.url)/v1/events answers \(stream.status)")
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
            if let followed = position, followed.origin != origin {
                await begin(OriginPosition(origin: origin, version: version))
            } else if position == nil {
                // Whatever was fetched since that first answer changed after it, if it changed.
                keep(OriginPosition(origin: origin, version: first ?? 0))
                try await readChanges()
            }
        case "change":
            let change = try ImageChange(fields: JSONFields(body: Array(event.data.utf8)))
            await apply(change)
            if var position {
                position.version = max(position.version, change.version)
                keep(position)
            }
        case "reset": try await readChanges()
        default: break
        }
    }

    /// Too much happened to be told by events: page by page.
    private func readChanges() async throws {
        while let position {
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
        let held = await forgetter.changed(change.id.rawValue, to: change.version)
        // What was wanted before is wanted again.
        if !change.isDeletion { changed(held.map { Copy(target: $0.target, version: change.version) }) }
    }

    /// What is stored comes from another history. Where that one begins is known first: no copy of the old one is taken any more.
    private func begin(_ new: OriginPosition) async {
        known.withLock { $0 = new }
        await forgetter.forgetImages()
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
        let isFirst = known.withLock { position in
            if position == nil { position = first }
            return position == first
        }
        if isFirst { keep(first) }
        return isFirst
    }

    // MARK: Where it stands

    var position: OriginPosition? { known.withLock { $0 } }

    /// On the disk, too, but not forced there: an older one only has more changes told again.
    func keep(_ new: OriginPosition) {
        known.withLock { $0 = new }
        try? writeDirectly(Array("\(new.text)\n".utf8), to: path + ".part")
        rename(path + ".part", path)
    }

    private static func stored(_ path: String) throws(NodeError) -> OriginPosition? {
        guard let bytes = try readWhole(path, bytesMax: 4_096) else { return nil }
        return OriginPosition(String(decoding: bytes, as: UTF8.self))
    }
}
