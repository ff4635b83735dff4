internal import MusterAPI
package import MusterHTTP
package import MusterRoutes
package import MusterWire

/// What every role that listens answers alike.
package enum RoleRoutes {
    /// Says that the process lives and answers; nothing is looked at.
    package static let healthz = PreparedBody(
        status: 200, headers: [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
        bytes: StatusWord("ok").body)

    /// The document of a role's routes as it was started, made once.
    package static func openapi<Name>(
        of routes: [NamedRoute<Name>], role: String, version: String, access: AccessSettings
    ) -> @Sendable (HTTPRequest) throws -> HTTPOutcome {
        let document = OpenAPI.document(of: routes, role: role, version: version) { access.tokenNeed(of: $0) }
        return { _ in .respond(.json(document)) }
    }
}

extension AccessSettings {
    func tokenNeed<Name>(of route: NamedRoute<Name>) -> TokenNeed {
        switch route.access {
        case .open: .never
        case .picture, .image: isPrivate ? .always : .never
        default: isClassicOpen ? (route.isClassic ? .never : route.readsOpenJobs ? .sometimes : .always) : .always
        }
    }
}

extension HTTPRequest {
    /// Bodies are taken as they are. Throws a `Problem` (415) for one that is compressed, before it is read.
    package func refuseEncodedBody() throws(Problem) {
        guard ["POST", "PUT", "PATCH", "DELETE"].contains(method) else { return }
        for (name, value) in headers where name.lowercased() == "content-encoding" {
            let codings = value.split(separator: ",").map { String($0.drop(while: \.isWhitespace)) }
            if codings.allSatisfy({ $0.lowercased() == "identity" }) { continue }
            throw Problem(
                415, "Content-Encoding is \"\(value.prefix(80))\", which is not read here; send the body as it is.",
                code: "encoding")
        }
    }

    /// Throws a `Problem` (422) that names the first query parameter that is none of these.
    package func refuseQuery(otherThan known: Set<String>) throws(Problem) {
        for (name, _) in query where !known.contains(name) {
            throw Problem(422, "Unknown query parameter \"\(name.prefix(80))\".", code: "unknown-field")
        }
    }
}
