internal import HTTPCaching
internal import HTTPText
internal import MusterAPI
internal import MusterHTTP
internal import MusterRole
internal import Synchronization

/// One request on its way through the edge: what the cache decides by, and what the upstream will see.
struct EdgeRequest: Sendable {
    var cache: CacheRequest
    let upstream: EdgeConfiguration.Upstream
    /// How often it was sent round again, because a fetch that it waited for turned out not to be for it.
    var rounds = 0

    /// After so many rounds it fetches for itself.
    static let roundsMax = 2
    /// And after so many it is given up.
    static let roundsInAllMax = 10

    var target: String { cache.key.target }

    /// What `OPTIONS *` asks for: the server itself.
    static let serverTarget = "*"
    var isForServer: Bool { target == Self.serverTarget }

    /// Whether any other plain request for the same key would be answered alike, as far as requests can tell, but for the range: then
    /// one fetch may do for all.
    var isPlain: Bool {
        (cache.isGet || cache.isHead) && rounds < Self.roundsMax && cache.control == nil
            && !cache.fields.contains("Authorization") && !Preconditions.areTheOrigins(cache.fields)
    }

    /// The one run of bytes that a plain GET wants, in whole slices. Nil: the upstream is to see the request as it came.
    var slices: Span? {
        let lines = cache.fields.values("Range")
        guard isPlain, cache.isGet, Preconditions.caches(cache.fields).isEmpty, lines.count == 1,
            let specs = ByteRanges.parse(lines[0]), specs.count == 1
        else { return nil }
        switch specs[0] {
        case .suffix(let count): return .suffix(count)
        case .from(let first, let last):
            guard first < 1 << 60 else { return nil }
            return .bytes(from: Slices.start(first), to: last.flatMap { Slices.end(min($0, 1 << 60) + 1) })
        }
    }

    /// The same without its range: its `If-Range` does not hold, so that it is for the whole.
    var withoutRange: EdgeRequest {
        var (request, fields) = (self, cache.fields)
        fields.removeAll { ["range", "if-range"].contains($0.name.lowercased()) }
        request.cache = CacheRequest(method: cache.method, key: cache.key, fields: fields)
        return request
    }
}

extension Edge {
    /// Throws 508 for what comes back to where it was, 400 for a target that no upstream can be asked for.
    func request(_ received: HTTPRequest) throws(Problem) -> EdgeRequest {
        var fields = HeaderFields(received.headers)
        if forwarding.isLoop(fields) {
            throw Problem(508, "This request came through here before: the upstream leads back to this edge.")
        }
        let target = try Self.originForm(received)
        let upstream = configuration.upstream(of: target)
        HopByHop.remove(from: &fields)
        fields.removeAll { field in Self.notForwarded.contains(field.name.lowercased()) }
        FleetCookies.remove(from: &fields)
        let shown = fields.values("Authorization")
        guard shown.count <= 1 else { throw Problem(400, "\(shown.count) Authorization headers; there may be one.") }
        if !upstream.isOfFleet, let shown = shown.first, authenticator.isOwn(shown) { fields.remove("Authorization") }
        // In what the cache decides by, too: an upstream's `Vary` may name them.
        if configuration.tellsClients { fields.append(contentsOf: client(of: received)) }
        let key = CacheKey(origin: upstream.url, target: target)
        return EdgeRequest(
            cache: CacheRequest(method: received.method, key: key, fields: fields), upstream: upstream)
    }

    /// `Host` is the upstream's own. The others claim where a request came from or what it was for, which some upstreams
    /// believe: as they are in no key, what one client claims would be answered to all.
    private static let notForwarded: Set = [
        "host", "expect", "content-length", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port",
        "x-forwarded-proto", "x-forwarded-scheme", "x-forwarded-server", "x-forwarded-prefix", "x-forwarded-ssl",
        "x-host", "x-original-host", "x-original-url", "x-rewrite-url", "x-http-method", "x-http-method-override",
        "x-method-override", "front-end-https",
    ]

    private func client(of received: HTTPRequest) -> HeaderFields {
        var host = received.header("Host")
        // In no key: an upstream that builds links of it would have one client's claim answered to all.
        if received.method == "GET" || received.method == "HEAD" {
            host = host.flatMap { host in hostNames.withLock { $0.contains(host.lowercased()) } ? host : nil }
        }
        let scheme = configuration.server.tlsCertificate == nil ? "http" : "https"
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
