internal import HTTPCaching
internal import HTTPText
internal import MusterHTTP
internal import MusterRole
internal import MusterRoutes
internal import MusterWire
internal import Synchronization

/// Reads requests as the cache and the upstream are to see them.
final class RequestReader: Sendable {
    private let upstreams: Upstreams
    private let forwarding: Forwarding
    private let scheme: String?
    private let isOwn: @Sendable (_ authorization: String) -> Bool
    private let requireReader: @Sendable (HTTPRequest) throws(Problem) -> Void
    /// `Host`s that the upstream may be told of.
    private let hostNames: Mutex<Set<String>>

    /// `scheme`: by which clients come in; nil: the upstream is not told where requests come from. `isOwn`: whether it is a token of this
    /// edge's own. `requireReader`: throws where a request's sender may not read the fleet's files.
    init(
        _ upstreams: Upstreams, _ forwarding: Forwarding, scheme: String?, hostNames: Set<String>,
        isOwn: @escaping @Sendable (_ authorization: String) -> Bool,
        requireReader: @escaping @Sendable (HTTPRequest) throws(Problem) -> Void
    ) {
        (self.upstreams, self.forwarding, self.scheme) = (upstreams, forwarding, scheme)
        (self.isOwn, self.requireReader) = (isOwn, requireReader)
        self.hostNames = Mutex(hostNames)
    }

    /// Clients know this edge by this name, too; in lower case.
    func isKnown(as name: String) { hostNames.withLock { _ = $0.insert(name) } }

    /// Throws 508 for what comes back to where it was, 400 for a target that no upstream can be asked for, 401 and 403 for a file of the
    /// fleet's without a token that may read it.
    func read(_ received: HTTPRequest) throws(Problem) -> EdgeRequest {
        var fields = HeaderFields(received.headers)
        if forwarding.isLoop(fields) {
            throw Problem(508, "This request came through here before: the upstream leads back to this edge.")
        }
        let target = try Self.originForm(received)
        let upstream = upstreams.of(target)
        let key = CacheKey(origin: upstream.url, target: target)
        HopByHop.remove(from: &fields)
        fields.removeAll { field in Self.notForwarded.contains(field.name.lowercased()) }
        FleetCookies.remove(from: &fields)
        let shown = fields.values("Authorization")
        guard shown.count <= 1 else { throw Problem(400, "\(shown.count) Authorization headers; there may be one.") }
        if !upstream.isOfFleet, let shown = shown.first, isOwn(shown) { fields.remove("Authorization") }
        var credential: String?
        // By what the cache finds: it knows no fragment.
        if upstream.keepsFiles, received.method == "GET" || received.method == "HEAD", FleetFiles.isOne(key.target) {
            try requireReader(received)
            credential = fields["Authorization"]
            fields.remove("Authorization")
        }
        // In what the cache decides by, too: an upstream's `Vary` may name them.
        if let scheme { fields.append(contentsOf: client(of: received, scheme)) }
        return EdgeRequest(
            cache: CacheRequest(method: received.method, key: key, fields: fields), upstream: upstream,
            credential: credential)
    }

    /// `Host` is the upstream's own. The others claim where a request came from or what it was for, which some upstreams
    /// believe: as they are in no key, what one client claims would be answered to all.
    private static let notForwarded: Set = [
        "host", "expect", "content-length", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port",
        "x-forwarded-proto", "x-forwarded-scheme", "x-forwarded-server", "x-forwarded-prefix", "x-forwarded-ssl",
        "x-host", "x-original-host", "x-original-url", "x-rewrite-url", "x-http-method", "x-http-method-override",
        "x-method-override", "front-end-https",
        // It passes no upgrade on, and the last may hold a token.
        "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol",
    ]

    private func client(of received: HTTPRequest, _ scheme: String) -> HeaderFields {
        var host = received.header("Host")
        // In no key: an upstream that builds links of it would have one client's claim answered to all.
        if received.method == "GET" || received.method == "HEAD" {
            host = host.flatMap { host in hostNames.withLock { $0.contains(host.lowercased()) } ? host : nil }
        }
        return Forwarding.forwarded(client: received.peer.address, scheme: scheme, host: host)
    }

    /// RFC 9112, 3.2: a server takes the absolute form too, and `*` for OPTIONS.
    private static func originForm(_ received: HTTPRequest) throws(Problem) -> String {
        let target = received.target
        let bytes = target.utf8
        if bytes.first == UInt8(ascii: "/") || (target == EdgeRequest.serverTarget && received.method == "OPTIONS") {
            return target
        }
        let scheme = ["http://", "https://"].first { scheme in
            bytes.count >= scheme.utf8.count
                && zip(bytes, scheme.utf8).allSatisfy { ((0x41...0x5A).contains($0) ? $0 | 0x20 : $0) == $1 }
        }
        guard let scheme else {
            throw Problem(400, "The request target \"\(target.prefix(80))\" is not a path.")
        }
        let path = bytes.dropFirst(scheme.utf8.count).drop { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        return (path.first == UInt8(ascii: "/") ? "" : "/") + String(Substring(path))
    }
}
