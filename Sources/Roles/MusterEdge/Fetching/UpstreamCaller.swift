internal import HTTPCaching
internal import MusterAPI
internal import MusterHTTP
internal import MusterHTTPClient
internal import Synchronization

/// Asks the upstream for what a fetch is about.
struct UpstreamCaller: Sendable {
    /// An upstream's header larger than this is refused: it would not fit into the answer to a client.
    static let headBytesMax = 48 << 10

    private let client: HTTPClient
    private let forwarding: Forwarding
    private let seconds: Int
    private let counters: EdgeCounters

    /// `seconds`: nothing came from the upstream for so long: the fetch has failed.
    init(_ client: HTTPClient, _ forwarding: Forwarding, seconds: Int, _ counters: EdgeCounters) {
        (self.client, self.forwarding, self.seconds, self.counters) = (client, forwarding, seconds, counters)
    }

    /// Returns when the answer's head is in. Throws a `Problem` for one that is not passed on, else an `HTTPClientError`.
    func ask(_ fetch: Fetch) async throws -> (UpstreamResponse, HTTPClientStream) {
        let request = fetch.request
        var fields = forwarding.request(request.cache.fields, version: "1.1", conditions: fetch.conditions)
        if let token = request.upstream.token, !fields.contains("Authorization") {
            fields.set("Authorization", "Bearer \(token)")
        }
        if !fields.contains("Accept") { fields.append("Accept", "*/*") }
        var call = HTTPClientRequest(
            request.cache.method, fetch.copy?.url ?? request.cache.key.text,
            headers: fields.map { ($0.name, $0.value) },
            idleTimeout: fetch.copy == nil ? .seconds(seconds) : CopySource.idleTime)
        call.connectTimeout = .seconds(min(5, seconds))
        counters.fetches.add(1, ordering: .relaxed)
        let sent = nowMs
        let stream = try await client.stream(call)
        if let defect = Self.framingDefect(stream.headers) { throw Problem(502, defect) }
        let head = UpstreamResponse(stream, to: request.cache.key, sentMs: sent, nowMs: nowMs)
        let bytes = head.fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        guard bytes <= Self.headBytesMax, head.status >= 200 else {
            throw Problem(
                502,
                bytes > Self.headBytesMax
                    ? "The upstream's header has \(bytes) bytes; at most \(Self.headBytesMax) are passed on."
                    : "The upstream answered \(head.status), which is no final answer here.")
        }
        return (head, stream)
    }

    /// Where a body ends must be beyond doubt (RFC 9112, 6.3): else two readers see two bodies.
    static func framingDefect(_ headers: [(name: String, value: String)]) -> String? {
        let fields = HeaderFields(headers)
        let lengths = fields.list("Content-Length")
        let codings = fields.list("Transfer-Encoding")
        if !codings.isEmpty, !lengths.isEmpty { return "The upstream gave a body a length and a transfer coding." }
        if codings.contains(where: { $0.lowercased() != "chunked" }) || codings.count > 1 {
            return "The upstream's transfer coding is not \"chunked\", the only one that is read here."
        }
        let isOne = lengths.allSatisfy {
            $0 == lengths[0] && Int($0) != nil && $0.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        return isOne ? nil : "The upstream gave a body two lengths, or one that is no number."
    }
}
