/// The fields that are meant for one connection only (RFC 9110 7.6.1), not forwarded and not stored (RFC 9111 3.1).
package enum HopByHop {
    /// Also `Proxy-Authenticate` and its kin, which speak to the next hop alone, and `Proxy-Connection` and `Keep-Alive`,
    /// which old peers send.
    package static let names = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    package static func remove(from fields: inout HeaderFields) {
        let named = fields.list("Connection")
        fields.removeAll { field in
            names.contains { FieldSyntax.same($0, field.name) } || named.contains { FieldSyntax.same($0, field.name) }
        }
    }
}
