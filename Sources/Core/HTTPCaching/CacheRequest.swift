/// A request as the cache's decisions see it.
package struct CacheRequest: Sendable {
    package let method: String
    package let key: CacheKey
    /// As they go upstream: hop-by-hop fields already removed, so that what selects a response is what its origin saw.
    package let fields: HeaderFields
    /// Nil without `Cache-Control` and without `Pragma: no-cache`.
    package let control: CacheControl?

    package init(method: String, key: CacheKey, fields: HeaderFields) {
        (self.method, self.key, self.fields) = (method, key, fields)
        control = CacheControl(request: fields)
    }

    package var isGet: Bool { method == "GET" }
    package var isHead: Bool { method == "HEAD" }
}

/// A final response of the upstream as it arrived.
package struct UpstreamResponse: Sendable {
    package let status: Int
    /// As received; hop-by-hop fields may still be in.
    package let fields: HeaderFields
    /// When the request was sent and when the response's head had come: milliseconds since 1970 by the edge's clock.
    package let requestTimeMs: Int
    package let responseTimeMs: Int

    package init(status: Int, fields: HeaderFields, requestTimeMs: Int, responseTimeMs: Int) {
        (self.status, self.fields) = (status, fields)
        (self.requestTimeMs, self.responseTimeMs) = (requestTimeMs, responseTimeMs)
    }
}
