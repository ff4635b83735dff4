/// What a 304 does to one stored response.
package enum Validated: Equatable, Sendable {
    /// It is updated and used.
    case freshened(StoredResponse)
    /// It is updated and used for this request, then dropped: the 304 says that it may no longer be stored.
    case usedOnce(StoredResponse)
    /// It is updated and used for this request; what is stored stays as it was: the request's own answer must not be
    /// stored (its `no-store`, its `Authorization`).
    case usedUnstored(StoredResponse)
}

/// What the response to a HEAD does to a stored GET response (RFC 9111 4.3.5).
package enum HeadEffect: Equatable, Sendable {
    case none
    case freshened(StoredResponse)
    /// It is not the same representation any more.
    case invalidated
}

extension CachePolicy {
    /// Which stored responses a 304 speaks of (RFC 9111 4.3.4): `stored` are those of the key, of which `request` could
    /// have got each; indices into it. Empty: the 304 must not be used; ask again without conditions.
    /// A strong tag selects all that have it; a weak validator the most recent that has it; none at all, the one stored
    /// response if there is just one. (There the RFC asks for a stored response without validators, too; origins that
    /// leave the tag out of their 304 are many, and the condition that they answered was this response's.)
    package func selected(by response: UpstreamResponse, among stored: [StoredResponse], for request: CacheRequest)
        -> [Int]
    {
        let candidates = stored.indices.filter { stored[$0].vary.matches(request.fields) }
        let tag = response.fields["ETag"].flatMap { EntityTag($0) }
        if let tag, !tag.isWeak {
            return candidates.filter { stored[$0].entityTag?.matchesStrongly(tag) == true }
        }
        let modified = response.fields["Last-Modified"].flatMap {
            HTTPDate.parse($0, now: response.responseTimeMs / 1000)
        }
        if tag == nil, modified == nil { return candidates.count == 1 ? candidates : [] }
        let matching = candidates.filter { index in
            if let tag { return stored[index].entityTag?.matchesWeakly(tag) == true }
            return stored[index].lastModified == modified
        }
        return matching.max { stored[$1].isNewer(than: stored[$0]) }.map { [$0] } ?? []
    }

    /// The fields of a request that is to validate `stored` for everybody (4.3.1), `asker` being whose turn it was: those that select
    /// it, and nothing else of the asker's, whose `no-store` or token would keep the answer from being stored. A token goes with it
    /// only where what is stored may answer all who show one (3.5). Conditions and a range are not in it.
    package func fields(validating stored: StoredResponse, asker: CacheRequest) -> HeaderFields {
        var fields = HeaderFields(
            stored.vary.selecting.compactMap { name, value in value.map { HeaderFields.Field(name: name, value: $0) } })
        if !fields.contains("Authorization"), stored.freshness.control.allowsAuthorized,
            let token = asker.fields["Authorization"]
        {
            fields.append("Authorization", token)
        }
        return fields
    }

    /// Whether the answer to this very request, were it to validate `stored`, could not be stored: then the validation is made from
    /// what is stored.
    package func keepsToItself(_ request: CacheRequest, validating stored: StoredResponse) -> Bool {
        request.control?.noStore == true
            || (request.fields.contains("Authorization") && !stored.freshness.control.allowsAuthorized)
    }

    /// The stored response as a 304 to `request` leaves it (4.3.4 and 3.2).
    package func validated(_ stored: StoredResponse, by response: UpstreamResponse, for request: CacheRequest)
        -> Validated
    {
        let updated = update(stored, with: response, for: request)
        let again = UpstreamResponse(
            // A part was asked for by a range once; here only its fields count.
            status: updated.status == 206 ? 200 : updated.status, fields: updated.fields,
            requestTimeMs: response.requestTimeMs,
            responseTimeMs: response.responseTimeMs)
        // Asked by whatever method: what is stored is a GET's.
        switch storable(CacheRequest(method: "GET", key: request.key, fields: request.fields), again) {
        case .storable, .refused(.neverReusable): return .freshened(updated)
        case .refused(.requestNoStore), .refused(.authorization): return .usedUnstored(updated)
        case .refused: return .usedOnce(updated)
        }
    }

    /// 4.3.5. Validators and length that the HEAD's response has must be the stored ones.
    package func afterHead(_ stored: StoredResponse, _ response: UpstreamResponse, for request: CacheRequest)
        -> HeadEffect
    {
        guard request.isHead, response.status == 200, stored.status == 200, stored.requestMethod == "GET" else {
            return .none
        }
        let fields = response.fields
        let isSame =
            (fields["ETag"].map { EntityTag($0) == stored.entityTag } ?? true)
            && (fields["Last-Modified"].map {
                HTTPDate.parse($0, now: response.responseTimeMs / 1000) == stored.lastModified
            }
                ?? true)
            && (fields["Content-Length"].map {
                FieldSyntax.number(FieldSyntax.trimmed(Substring($0)), max: .max) == stored.bytes
            }
                ?? true)
        guard isSame else { return .invalidated }
        switch validated(stored, by: response, for: request) {
        case .freshened(let updated): return .freshened(updated)
        case .usedOnce: return .invalidated
        case .usedUnstored: return .none
        }
    }

    /// 3.2: each field of the new response replaces all stored lines of its name. Not so the length and the two fields that
    /// say how the stored bytes are coded and which they are.
    private func update(_ stored: StoredResponse, with response: UpstreamResponse, for request: CacheRequest)
        -> StoredResponse
    {
        let fields = stored.fields.replaced(by: response.fields, except: Self.describesStoredBytes)
        return StoredResponse(
            status: stored.status, fields: fields, requestMethod: stored.requestMethod,
            requestTimeMs: response.requestTimeMs, responseTimeMs: response.responseTimeMs,
            vary: response.fields.contains("Vary") ? VaryKey(response: fields, request: request.fields) : stored.vary,
            content: stored.content, policy: self)
    }

    private static let describesStoredBytes = ["content-length", "content-encoding", "content-range"]
}

extension HeaderFields {
    /// Each name among `news` replaces all lines that it had here; an old `Age` and `Date` go in any case.
    func replaced(by news: HeaderFields, except names: [String]) -> HeaderFields {
        var news = news
        HopByHop.remove(from: &news)
        news.removeAll { field in names.contains { FieldSyntax.same($0, field.name) } }
        var fields = self
        fields.removeAll { field in
            FieldSyntax.same(field.name, "Age") || FieldSyntax.same(field.name, "Date") || news.contains(field.name)
        }
        fields.append(contentsOf: news)
        return fields
    }
}

extension StoredResponse {
    /// The length of the whole representation, if it is known.
    package var bytes: Int? {
        switch content {
        case .complete(let bytes): bytes
        case .partial(_, let bytes): bytes
        }
    }
}
