internal import HTTPCaching
internal import MusterAPI
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterWire
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
        if let credential = request.credential { fields.set("Authorization", credential) }
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
        if let defect = Framing.defect(HeaderFields(stream.headers)) { throw Problem(502, defect) }
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
}
