/// What an intermediary changes in the messages it passes on (RFC 9110 7.6, RFC 8586).
package struct Forwarding: Sendable {
    /// By this it knows itself again: the same for all requests of one edge, different for every edge. A token.
    package let pseudonym: String

    package init(pseudonym: String) { self.pseudonym = pseudonym }

    /// Whether a request has passed here before: by `CDN-Loop` or by `Via`. Answer 508.
    package func isLoop(_ fields: HeaderFields) -> Bool {
        fields.list("CDN-Loop").contains { FieldSyntax.same(Self.name(Substring($0)), pseudonym) }
            || fields.list("Via").contains { member in
                let words = member.utf8.split(whereSeparator: FieldSyntax.isBlank)
                return words.count >= 2 && FieldSyntax.same(Substring(words[1]), pseudonym)
            }
    }

    /// Of `name; parameter`.
    private static func name(_ member: Substring) -> Substring {
        FieldSyntax.trimmed(FieldSyntax.prefix(member, before: ";"))
    }

    /// A request's fields on their way upstream: hop-by-hop ones out, `Via` and `CDN-Loop` extended. `conditions`, if given, take
    /// the place of all of the request's own, and of its `Range`: what comes back is for the cache.
    /// `version`: of the protocol that the request came by, "1.1".
    package func request(
        _ received: HeaderFields, version: String, conditions: HeaderFields? = nil
    ) -> HeaderFields {
        var fields = received
        HopByHop.remove(from: &fields)
        if let conditions {
            fields.removeAll { field in Self.conditional.contains { FieldSyntax.same($0, field.name) } }
            fields.append(contentsOf: conditions)
        }
        extend("Via", of: &fields, with: "\(version) \(pseudonym)")
        extend("CDN-Loop", of: &fields, with: pseudonym)
        return fields
    }

    /// A response's fields on their way to the client: hop-by-hop ones out, `Via` extended, `Date` there (6.6.1).
    package func response(_ received: HeaderFields, version: String, nowMs: Int) -> HeaderFields {
        var fields = received
        HopByHop.remove(from: &fields)
        if !fields.contains("Date") { fields.append("Date", HTTPDate.format(nowMs / 1000)) }
        extend("Via", of: &fields, with: "\(version) \(pseudonym)")
        return fields
    }

    /// Says where a request came from (RFC 7239, and the older fields): `client` is an IP address; `host` nil where it is not told.
    package static func forwarded(client: String, scheme: String, host: String?) -> HeaderFields {
        let node = client.contains(":") ? "\"[\(client)]\"" : client
        var forwarded = "for=\(node.isEmpty ? "unknown" : node);proto=\(scheme)"
        if let host { forwarded += ";host=\(quoted(host))" }
        var fields: HeaderFields = ["Forwarded": forwarded]
        if !client.isEmpty { fields.append("X-Forwarded-For", client) }
        fields.append("X-Forwarded-Proto", scheme)
        if let host { fields.append("X-Forwarded-Host", host) }
        return fields
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
    }

    /// `Location` and `Content-Location` that name the upstream's own origin lead clients past this cache: they become paths.
    /// `key`: of what was asked for.
    package static func mapped(_ received: HeaderFields, key: CacheKey) -> HeaderFields {
        guard received.contains("Location") || received.contains("Content-Location") else { return received }
        return HeaderFields(
            received.map { field in
                guard FieldSyntax.same(field.name, "Location") || FieldSyntax.same(field.name, "Content-Location"),
                    let path = key.relative(field.value)
                else { return field }
                return HeaderFields.Field(name: field.name, value: path)
            })
    }

    private func extend(_ name: String, of fields: inout HeaderFields, with member: String) {
        fields.set(name, fields.combined(name).map { $0.isEmpty ? member : $0 + ", " + member } ?? member)
    }

    private static let conditional = [
        "if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range",
    ]
}
