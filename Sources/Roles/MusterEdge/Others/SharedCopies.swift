internal import HTTPCaching
internal import MusterAPI
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
        guard head.status == 200, head.vary.isEmpty, case .complete = head.content,
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
    private let position: @Sendable () -> OriginPosition?
    private let upstream: @Sendable (_ target: String) -> EdgeConfiguration.Upstream
    private let run: @Sendable (Fetch, Flight) async -> Void
    private let peerToken: String
    private let path: String

    /// `position`: how far the origin's changes are known here; `run`: one fetch, to its end; `path`: where other edges give a copy away.
    init(
        _ store: CacheStore, _ flights: Flights, _ forgetter: Forgetter, peerToken: String, path: String,
        position: @escaping @Sendable () -> OriginPosition?,
        upstream: @escaping @Sendable (_ target: String) -> EdgeConfiguration.Upstream,
        run: @escaping @Sendable (Fetch, Flight) async -> Void
    ) {
        (self.store, self.flights, self.forgetter) = (store, flights, forgetter)
        (self.peerToken, self.path, self.position, self.upstream, self.run) = (peerToken, path, position, upstream, run)
    }

    private func key(of target: String) -> CacheKey { CacheKey(origin: upstream(target).url, target: target) }

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
            cache: CacheRequest(method: "GET", key: key, fields: [:]), upstream: upstream(key.target))
        let fetch = Fetch(request: request, stored: nil, conditions: [:], reason: .uriMiss)
        Task {
            await run(fetch, flight)
            done()
        }
        return true
    }

    func take(_ target: String, from url: String, _ done: @escaping @Sendable (_ isEarly: Bool) -> Void) -> Bool {
        let key = key(of: target)
        guard let flight = flights.begin(key) else { return false }
        Task {
            // Now that the flight has begun: changes of the origin that come later forbid it to store.
            let copy = CopySource(url: url + path + "?target=" + Self.escaped(key.target), position: position())
            let giver = EdgeConfiguration.Upstream(url: url, isOfFleet: true, token: peerToken)
            let request = EdgeRequest(cache: CacheRequest(method: "GET", key: key, fields: [:]), upstream: giver)
            await run(
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
