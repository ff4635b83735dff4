internal import HTTPCaching
internal import HTTPText
internal import MusterAPI
internal import MusterCache
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterWire
internal import Synchronization

/// Passes on requests that no cache answers, and has forgotten what they may have changed.
final class RequestPasser: Sendable {
    private let reader: RequestReader
    private let client: HTTPClient
    private let forwarding: Forwarding
    private let policy: CachePolicy
    private let forgetter: Forgetter
    private let answers: AnswerWriter
    private let seconds: Int
    private let counters: EdgeCounters

    /// `seconds`: nothing came from the upstream for so long: it has failed.
    init(
        _ reader: RequestReader, _ client: HTTPClient, _ forwarding: Forwarding, _ policy: CachePolicy,
        _ forgetter: Forgetter, _ answers: AnswerWriter, seconds: Int, _ counters: EdgeCounters
    ) {
        (self.reader, self.client, self.forwarding, self.policy) = (reader, client, forwarding, policy)
        (self.forgetter, self.answers, self.seconds, self.counters) = (forgetter, answers, seconds, counters)
    }

    /// Whatever is not GET or HEAD, or has a body, goes through, its body as it comes; what it may have changed is forgotten.
    func pass(_ received: HTTPRequest, _ body: HTTPBodyReader) async throws -> HTTPResponse {
        guard !["CONNECT", "TRACE"].contains(received.method) else {
            throw Problem(405, "\(received.method) is not passed on.")
        }
        guard received.method != "HEAD" else {
            throw Problem(400, "A HEAD request with a body is not passed on; leave the body out.")
        }
        let request = try reader.read(received)
        if request.cache.control?.onlyIfCached == true {
            throw Problem(504, "Only a stored answer was asked for, and \(received.method) has none.")
        }
        var fields = forwarding.request(request.cache.fields, version: "1.1")
        // The edge's own token is for reading: whoever changes something shows one of their own.
        if received.method == "OPTIONS", let hops = fields["Max-Forwards"].flatMap({ Int($0) }) {
            // RFC 9110, 7.6.2.
            if hops <= 0 {
                return HTTPResponse(status: 204, headers: [("Allow", "GET, HEAD, PUT, POST, DELETE, OPTIONS")])
            }
            fields.set("Max-Forwards", "\(hops - 1)")
        }
        if !fields.contains("Accept") { fields.append("Accept", "*/*") }
        if let credential = request.credential { fields.set("Authorization", credential) }
        if request.cache.isGet, let token = request.upstream.token, !fields.contains("Authorization") {
            fields.set("Authorization", "Bearer \(token)")
        }
        var call = HTTPClientRequest(
            request.cache.method, request.isForServer ? request.upstream.url : request.cache.key.text,
            headers: fields.map { ($0.name, $0.value) }, idleTimeout: .seconds(seconds))
        if request.isForServer { call.target = EdgeRequest.serverTarget }
        // The client was told to send already; an upstream that does not know the question would cost a second.
        call.asksToSend = false
        let length = received.header("Content-Length").flatMap { Int($0) }
        if let length, length <= Self.gatheredBytesMax {
            // At once, so that nobody is asked first whether it may be sent.
            var bytes: [UInt8] = []
            while let piece = try await body.next() { bytes += piece }
            call.body = bytes
        } else if received.header("Transfer-Encoding") != nil || length != nil {
            call.upload = .stream(length: length) { try await body.next() }
        }
        counters.fetches.add(1, ordering: .relaxed)
        let stream: HTTPClientStream
        let sent = nowMs
        do {
            stream = try await client.stream(call)
        } catch let error as HTTPClientError {
            counters.fetchesFailed.add(1, ordering: .relaxed)
            throw Problem(
                error.code == .timeout ? 504 : 502, "The upstream did not answer \(received.method).", retryAfter: 2)
        }
        let response = UpstreamResponse(stream, to: request.cache.key, sentMs: sent, nowMs: nowMs)
        await invalidate(request.cache, response, received)
        var status = CacheStatus(cache: answers.name, forward: request.cache.isGet ? .bypass : .method)
        status.forwardStatus = response.status
        let answered = answers.passedOn(response, status, isHead: false)
        guard let out = answered.stream else {
            stream.cancel()
            return answered.response
        }
        Task { await Relay.relay(stream, to: out) }
        return answered.response
    }

    /// Bodies of requests up to this size are gathered before they are passed on.
    private static let gatheredBytesMax = 1 << 20

    /// RFC 9111, 4.4. The edge is known to clients by another name than its upstream has: both count.
    private func invalidate(_ request: CacheRequest, _ response: UpstreamResponse, _ received: HTTPRequest) async {
        let host = received.header("Host") ?? ""
        await forgetter.changed(
            policy.invalidated(
                by: request, status: response.status, fields: response.fields,
                origins: ["http://" + host, "https://" + host]))
    }
}
