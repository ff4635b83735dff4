/// What the cache knows about a stored response; its body is the storage's. Made from what was received, and made again
/// from `fields` and the two times after a restart, with the same result.
package struct StoredResponse: Equatable, Sendable {
    package let status: Int
    /// Without hop-by-hop fields and those named in `private="…"` or `no-cache="…"`; with a `Date`. `Age` is the one that
    /// came: a reuse replaces it.
    package let fields: HeaderFields
    package let requestMethod: String
    /// Milliseconds since 1970: when the request was sent, and when the response's head had come.
    package let requestTimeMs: Int
    package let responseTimeMs: Int
    package let vary: VaryKey
    package let freshness: Freshness
    package let entityTag: EntityTag?
    /// Seconds since 1970.
    package let lastModified: Int?
    /// How much of the representation is there. The storage keeps it up to date.
    package var content: StoredContent

    /// `fields`: as received. `vary`: selecting fields of the request that went upstream.
    package init(
        status: Int, fields: HeaderFields, requestMethod: String, requestTimeMs: Int, responseTimeMs: Int,
        vary: VaryKey,
        content: StoredContent, policy: CachePolicy
    ) {
        self.status = status
        self.requestMethod = requestMethod
        self.requestTimeMs = requestTimeMs
        self.responseTimeMs = responseTimeMs
        self.vary = vary
        self.content = content
        // From the fields as they are kept: the same comes out after a restart.
        let kept = Self.storable(fields, receivedAt: responseTimeMs / 1000, policy: policy)
        self.fields = kept
        freshness = Freshness(
            status: status, fields: kept, requestTimeMs: requestTimeMs, responseTimeMs: responseTimeMs, policy: policy)
        entityTag = kept["ETag"].flatMap { EntityTag($0) }
        lastModified = kept["Last-Modified"].flatMap { HTTPDate.parse($0, now: responseTimeMs / 1000) }
    }

    package init(
        request: CacheRequest, response: UpstreamResponse, content: StoredContent, policy: CachePolicy
    ) {
        self.init(
            status: response.status, fields: response.fields, requestMethod: request.method,
            requestTimeMs: response.requestTimeMs, responseTimeMs: response.responseTimeMs,
            vary: VaryKey(response: response.fields, request: request.fields), content: content, policy: policy)
    }

    /// Strong enough to combine parts by (RFC 9111 3.4): a strong entity tag.
    package var strongTag: EntityTag? { entityTag.flatMap { $0.isWeak ? nil : $0 } }

    /// RFC 9111 3.1, 5.2.2.4 and 5.2.2.7; a missing or invalid `Date` becomes the time of arrival (RFC 9110 6.6.1).
    static func storable(_ received: HeaderFields, receivedAt: Int, policy: CachePolicy) -> HeaderFields {
        var fields = received
        HopByHop.remove(from: &fields)
        let control = CacheControl(response: fields, targets: policy.targets)
        let excluded = (control.noCacheFields + control.privateFields).filter { !HopByHop.essential.contains($0) }
        if !excluded.isEmpty { fields.removeAll { field in excluded.contains { FieldSyntax.same($0, field.name) } } }
        if fields["Date"].flatMap({ HTTPDate.parse($0, now: receivedAt) }) == nil {
            fields.set("Date", HTTPDate.format(receivedAt))
        }
        return fields
    }

    /// As a reuse sends them: with the `Age` it has now, in whole seconds (RFC 9111 4 and 5.1).
    package func fieldsForReuse(nowMs: Int) -> HeaderFields {
        var reused = fields
        reused.set("Age", String(freshness.ageMs(nowMs: nowMs) / 1000))
        return reused
    }
}

/// How much of a representation is stored.
package enum StoredContent: Equatable, Sendable {
    /// All of it, of this many bytes.
    case complete(bytes: Int)
    /// These bytes of it; the length is nil while nobody has told it.
    case partial(held: ByteIntervals, bytes: Int?)

    package var isComplete: Bool {
        if case .complete = self { true } else { false }
    }

    /// Whether no byte is held: only what a HEAD told is known.
    package var isEmpty: Bool {
        if case .partial(let held, _) = self { held.isEmpty } else { false }
    }
}
