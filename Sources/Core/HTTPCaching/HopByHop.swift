/// The fields that are meant for one connection only (RFC 9110 7.6.1), not forwarded and not stored (RFC 9111 3.1).
package enum HopByHop {
    /// Also `Proxy-Authenticate` and its kin, which speak to the next hop alone, and `Proxy-Connection` and `Keep-Alive`,
    /// which old peers send.
    package static let names = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    /// `Connection` must not name these (7.6.1): a message without its framing or its caching rules would be another one,
    /// and what is private could come to be shared. Such a name is passed over.
    static let essential = [
        "age", "cache-control", "cdn-cache-control", "content-encoding", "content-length", "content-range", "date",
        "expires", "host", "vary",
    ]

    package static func remove(from fields: inout HeaderFields) {
        let named = fields.list("Connection").filter { name in !essential.contains { FieldSyntax.same($0, name) } }
        fields.removeAll { field in
            names.contains { FieldSyntax.same($0, field.name) } || named.contains { FieldSyntax.same($0, field.name) }
        }
    }
}
