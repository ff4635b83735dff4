/// By what a representation is told from others of its resource (RFC 9110 8.8). Seconds since 1970.
package struct Validators: Equatable, Sendable {
    package let entityTag: EntityTag?
    package let lastModified: Int?
    /// When the answer that has them was made.
    package let date: Int

    package init(entityTag: EntityTag?, lastModified: Int?, date: Int) {
        (self.entityTag, self.lastModified, self.date) = (entityTag, lastModified, date)
    }
}

extension StoredResponse {
    package var validators: Validators {
        Validators(entityTag: entityTag, lastModified: lastModified, date: dateSeconds)
    }
}

/// Conditional requests as far as a cache decides them (RFC 9110 13, RFC 9111 4.3.2).
package enum Preconditions {
    /// `If-Match` and `If-Unmodified-Since` are for the origin alone: such a request is forwarded.
    package static func areTheOrigins(_ fields: HeaderFields) -> Bool {
        fields.contains("If-Match") || fields.contains("If-Unmodified-Since")
    }

    /// The conditions that a cache may judge, in the order they came: requests that agree in them share a 304.
    package static func caches(_ fields: HeaderFields) -> HeaderFields {
        HeaderFields(
            fields.filter {
                FieldSyntax.same($0.name, "If-None-Match") || FieldSyntax.same($0.name, "If-Modified-Since")
            })
    }

    /// Whether a request that may be answered from `stored` gets a 304: `If-None-Match` by weak comparison, and only
    /// without it `If-Modified-Since` (RFC 9110 13.2.2). Conditions count for 200 and 206 only (13.2.1).
    package static func isNotModified(_ request: CacheRequest, _ stored: StoredResponse, nowMs: Int) -> Bool {
        guard request.isGet || request.isHead, stored.status == 200 || stored.status == 206 else { return false }
        return isNotModified(request.fields, stored.validators, nowMs: nowMs)
    }

    /// The same of a GET or HEAD for what has these validators.
    package static func isNotModified(_ fields: HeaderFields, _ own: Validators, nowMs: Int) -> Bool {
        let tags = fields.values("If-None-Match")
        if !tags.isEmpty { return matchesAny(tags, own.entityTag) }
        guard let since = fields["If-Modified-Since"], let time = HTTPDate.parse(since, now: nowMs / 1000) else {
            return false
        }
        return (own.lastModified ?? own.date) <= time
    }

    /// Whether one of the tags in these lines of `If-None-Match` is this one, whatever their strength; `*` always is.
    package static func matchesAny(_ lines: [String], _ tag: EntityTag?) -> Bool {
        lines.contains { line in
            FieldSyntax.members(of: line, escapes: false).contains { member in
                if member == "*" { return true }
                guard let tag, let asked = EntityTag(member) else { return false }
                return asked.matchesWeakly(tag)
            }
        }
    }

    /// Whether the request's `Range` counts: there is no `If-Range`, or it names this very representation, by a strong tag
    /// or by a `Last-Modified` that is strong because at least a second lies between it and `Date` (RFC 9110 13.1.5).
    static func allowsRange(_ fields: HeaderFields, _ own: Validators, nowMs: Int) -> Bool {
        guard let condition = fields["If-Range"] else { return true }
        if let time = HTTPDate.parse(condition, now: nowMs / 1000) {
            return own.lastModified == time && own.date > time
        }
        guard let asked = EntityTag(condition), let tag = own.entityTag else { return false }
        return asked.matchesStrongly(tag)
    }

    /// What a 304 of ours carries: all that the stored response has, `Age` included, but what describes a body that is not sent
    /// (RFC 9110 15.4.5); `Last-Modified` only where there is no entity tag. So a page that may read the one may read the other.
    package static func notModifiedFields(_ stored: StoredResponse, nowMs: Int) -> HeaderFields {
        var fields = stored.fieldsForReuse(nowMs: nowMs)
        fields.removeAll { field in
            describesBody.contains { FieldSyntax.same($0, field.name) }
                || (stored.entityTag != nil && FieldSyntax.same("Last-Modified", field.name))
        }
        return fields
    }

    private static let describesBody = [
        "content-digest", "content-encoding", "content-language", "content-length", "content-md5", "content-range",
        "content-type", "digest", "repr-digest",
    ]
}
