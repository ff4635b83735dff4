internal import HTTPCaching
internal import MusterHTTP
internal import MusterHTTPClient

extension HeaderFields {
    init(_ lines: [(name: String, value: String)]) {
        self.init(lines.lazy.map { .init(name: $0.name, value: $0.value) })
    }

    /// As an origin of Muster's numbers its images.
    var imageVersion: UInt64? { self["X-Muster-Version"].flatMap { UInt64($0) } }
}

extension UpstreamResponse {
    /// The head of an answer that begins; where it leads to its own server, it leads to the edge from here on.
    init(_ stream: HTTPClientStream, to key: CacheKey, sentMs: Int, nowMs: Int) {
        self.init(
            status: stream.status, fields: Forwarding.mapped(HeaderFields(stream.headers), key: key),
            requestTimeMs: sentMs, responseTimeMs: nowMs)
    }

    /// Of the body, as told.
    var length: Int? { fields.list("Content-Length").first.flatMap { Int($0) } }

    /// The same without what one edge tells another.
    func without(_ field: String) -> UpstreamResponse {
        var fields = fields
        fields.remove(field)
        return UpstreamResponse(
            status: status, fields: fields, requestTimeMs: requestTimeMs, responseTimeMs: responseTimeMs)
    }
}
