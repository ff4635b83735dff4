internal import HTTPCaching
internal import MusterCache
internal import MusterEdgePeers
internal import MusterElection
internal import MusterHTTP
internal import Synchronization

/// Where another edge gives a copy away.
final class CopySource: Sendable {
    /// Where its giver stands with the changes of the origin.
    static let positionField = "X-Muster-Position"
    /// A giver that is silent for longer may be frozen; clients may wait for the copy.
    static let idleTime: Duration = .seconds(2)

    let url: String
    /// Where this edge stood when it asked.
    let position: OriginPosition?
    /// Refused, as its giver was behind.
    let isEarly = Atomic(false)

    init(url: String, position: OriginPosition?) { (self.url, self.position) = (url, position) }
}

extension CachedObject {
    /// Nil: it is not for others.
    func copy(nowMs: Int) -> Copy? {
        // Each edge has the files that it is asked for: they are large, and of use to few.
        guard !FleetFiles.isOne(key.target), head.status == 200, head.vary.isEmpty, case .complete = head.content,
            head.freshness.remainingMs(nowMs: nowMs) > Self.remainingMsMin
        else { return nil }
        return Copy(target: key.target, version: head.fields.imageVersion)
    }

    /// What is stored under a path that any edge could be asked for: not what differs from client to client, and not what is
    /// over in a second.
    private static let remainingMsMin = 1_000
}

/// The cache of this edge, as others share in it: what they may take of it, and what it takes of theirs.
final class SharedCopies: PeerCache {
    private let store: CacheStore
    private let flights: Flights
    private let forgetter: Forgetter
    private let origin: OriginFollower
    private let fetcher: Fetcher
    private let upstreams: Upstreams
    private let peerToken: String
    private let path: String

    /// `path`: where other edges give a copy away.
    init(_ cache: EdgeCache, _ upstreams: Upstreams, peerToken: String, path: String) {
        (store, flights, forgetter) = (cache.store, cache.flights, cache.forgetter)
        (origin, fetcher) = (cache.origin, cache.fetcher)
        (self.upstreams, self.peerToken, self.path) = (upstreams, peerToken, path)
    }

    private func key(of target: String) -> CacheKey { CacheKey(origin: upstreams.of(target).url, target: target) }

    /// The one stored answer for everybody, while it is fresh.
    func usable(_ target: String) -> CachedObject? {
        guard let object = store.variants(key(of: target)).first, object.copy(nowMs: nowMs) != nil else { return nil }
        return object
    }

    // MARK: What edges among themselves ask

    func copy(of target: String) -> Copy? { usable(target)?.copy(nowMs: nowMs) }

    func recentCopies(_ countMax: Int) -> [Copy] { store.recent(countMax).compactMap { $0.copy(nowMs: nowMs) } }

    var isHalfFull: Bool {
        let (limits, held) = (store.limits, store.statistics)
        return limits.diskBytes > 0
            ? held.diskBytes > limits.diskBytes / 2 : held.memoryBytes > limits.memoryBytes / 2
    }

    func purge(_ pattern: PurgePattern) async -> Int { await forgetter.purge(pattern.matcher) }

    func warm(_ target: String, _ done: @escaping @Sendable () -> Void) -> Bool {
        let key = key(of: target)
        guard let flight = flights.begin(key) else { return false }
        let request = EdgeRequest(
            cache: CacheRequest(method: "GET", key: key, fields: [:]), upstream: upstreams.of(key.target))
        let fetch = Fetch(request: request, stored: nil, conditions: [:], reason: .uriMiss)
        Task {
            await fetcher.run(fetch, flight)
            done()
        }
        return true
    }

    func take(_ target: String, from url: String, _ done: @escaping @Sendable (_ isEarly: Bool) -> Void) -> Bool {
        let key = key(of: target)
        guard let flight = flights.begin(key) else { return false }
        Task {
            // Now that the flight has begun: changes of the origin that come later forbid it to store.
            let copy = CopySource(url: url + path + "?target=" + Self.escaped(key.target), position: origin.position)
            let giver = EdgeConfiguration.Upstream(url: url, isOfFleet: true, token: peerToken)
            let request = EdgeRequest(cache: CacheRequest(method: "GET", key: key, fields: [:]), upstream: giver)
            await fetcher.run(
                Fetch(request: request, stored: nil, conditions: [:], reason: .uriMiss, copy: copy), flight)
            done(copy.isEarly.load(ordering: .relaxed))
        }
        return true
    }

    /// As a value in a query (RFC 3986, 2.3: what is unreserved stays).
    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
