internal import HTTPCaching
internal import MusterHTTP
internal import MusterRole

/// One request on its way through the edge: what the cache decides by, and what the upstream will see.
struct EdgeRequest: Sendable {
    var cache: CacheRequest
    let upstream: EdgeConfiguration.Upstream
    /// What a client showed to read a file of the fleet, which this edge found to be enough. The upstream sees it; the cache does not, as
    /// any other client that may read gets the same bytes.
    var credential: String?
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
