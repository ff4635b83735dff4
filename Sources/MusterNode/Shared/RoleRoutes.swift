internal import MusterAPI
internal import MusterHTTP

/// What every role that listens answers alike.
enum RoleRoutes {
    /// Says that the process lives and answers; nothing is looked at.
    static let healthz = PreparedBody(
        status: 200, headers: [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
        bytes: Array("{\"status\":\"ok\"}".utf8))

    /// The document of a role's routes, made once.
    static func openapi<Name>(
        of routes: [NamedRoute<Name>], role: String, version: String
    ) -> @Sendable (HTTPRequest) throws -> HTTPOutcome {
        let document = OpenAPI.document(of: routes, role: role, version: version)
        return { _ in .respond(.json(document)) }
    }
}

extension HTTPRequest {
    /// Throws a `Problem` (422) that names the first query parameter that is none of these.
    func refuseQuery(otherThan known: Set<String>) throws(Problem) {
        for (name, _) in query where !known.contains(name) {
            throw Problem(422, "Unknown query parameter \"\(name.prefix(80))\".", code: "unknown-field")
        }
    }
}
