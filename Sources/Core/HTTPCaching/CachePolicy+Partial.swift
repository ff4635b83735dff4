extension CachePolicy {
    /// A stored response and the 206 that brought `received` more bytes of it, as one (RFC 9111 3.4): nil unless both have
    /// the same strong entity tag and agree on the length. The new response's fields win, but those that describe its part.
    /// Once nothing is missing the outcome is complete, with status 200.
    package func combined(
        _ stored: StoredResponse, with response: UpstreamResponse, for request: CacheRequest
    ) -> StoredResponse? {
        guard response.status == 206, stored.status == 200 || stored.status == 206,
            let received = response.fields["Content-Range"].flatMap({ ContentRange($0) }), let range = received.range,
            let own = stored.strongTag, let tag = response.fields["ETag"].flatMap({ EntityTag($0) }),
            own.matchesStrongly(tag), stored.bytes == nil || received.bytes == nil || stored.bytes == received.bytes
        else { return nil }
        let bytes = stored.bytes ?? received.bytes
        let content = stored.content.adding(range, bytes: bytes)
        if let bytes, max(range.upperBound, stored.content.end) > bytes { return nil }
        var fields = stored.fields.replaced(by: response.fields, except: [])
        fields.remove("Content-Range")
        if case .complete(let bytes) = content { fields.set("Content-Length", String(bytes)) }
        if !content.isComplete { fields.remove("Content-Length") }
        return StoredResponse(
            status: content.isComplete ? 200 : 206, fields: fields, requestMethod: stored.requestMethod,
            requestTimeMs: response.requestTimeMs, responseTimeMs: response.responseTimeMs,
            vary: VaryKey(response: fields, request: request.fields), content: content, policy: self)
    }

    /// What a 206 alone lets be stored: its part, or the whole where its one range is all there is, as with `bytes=0-`. Nil: its
    /// `Content-Range` tells no range.
    package func received(_ response: UpstreamResponse, for request: CacheRequest) -> StoredResponse? {
        guard let told = response.fields["Content-Range"].flatMap({ ContentRange($0) }), let range = told.range else {
            return nil
        }
        let content = StoredContent.partial(held: ByteIntervals([]), bytes: told.bytes)
            .adding(range, bytes: told.bytes)
        guard case .complete(let bytes) = content else {
            return StoredResponse(request: request, response: response, content: content, policy: self)
        }
        var fields = response.fields
        fields.remove("Content-Range")
        fields.set("Content-Length", String(bytes))
        let whole = UpstreamResponse(
            status: 200, fields: fields, requestTimeMs: response.requestTimeMs, responseTimeMs: response.responseTimeMs)
        return StoredResponse(request: request, response: whole, content: content, policy: self)
    }

    /// What the answer to a HEAD lets be stored: a representation of known length of which no byte is held yet. It answers HEAD, and
    /// bytes come to it as ranges are asked for. Nil: the length is not told, or the answer is no 200 or must not be stored.
    package func announced(_ response: UpstreamResponse, for request: CacheRequest) -> StoredResponse? {
        let asked = CacheRequest(method: "GET", key: request.key, fields: request.fields)
        guard response.status == 200, storable(asked, response) == .storable,
            let bytes = response.fields.list("Content-Length").first.flatMap({
                FieldSyntax.number(FieldSyntax.trimmed(Substring($0)), max: .max)
            }), bytes > 0
        else { return nil }
        var fields = response.fields
        fields.set("Content-Range", ContentRange(unsatisfiedOf: bytes).text)
        let part = UpstreamResponse(
            status: 206, fields: fields, requestTimeMs: response.requestTimeMs, responseTimeMs: response.responseTimeMs)
        return StoredResponse(
            request: asked, response: part, content: .partial(held: ByteIntervals(), bytes: bytes), policy: self)
    }

    /// The fields of a request for the bytes of a stored partial response that are missing for `wanted` (nil: for all of
    /// it): one range from the first to the last gap, and `If-Range`. Nil when nothing is missing or nothing is held, or when parts must
    /// not be combined for want of a strong tag or length: forward the request as it is.
    package func completion(of stored: StoredResponse, wanted: [Range<Int>]? = nil) -> HeaderFields? {
        guard case .partial(let held, let bytes?) = stored.content, !held.isEmpty, let tag = stored.strongTag else {
            return nil
        }
        let gaps = (wanted ?? [0..<bytes]).flatMap { held.missing(in: $0) }
        guard let first = gaps.map(\.lowerBound).min(), let end = gaps.map(\.upperBound).max() else { return nil }
        return ["Range": end == bytes ? "bytes=\(first)-" : "bytes=\(first)-\(end - 1)", "If-Range": tag.text]
    }
}

extension StoredContent {
    /// Behind the last byte held.
    var end: Int {
        switch self {
        case .complete(let bytes): bytes
        case .partial(let held, _): held.ranges.last?.upperBound ?? 0
        }
    }

    func adding(_ range: Range<Int>, bytes: Int?) -> StoredContent {
        guard case .partial(var held, _) = self else { return self }
        held.insert(range)
        if let bytes, held.contains(0..<bytes) { return .complete(bytes: bytes) }
        return .partial(held: held, bytes: bytes)
    }
}
