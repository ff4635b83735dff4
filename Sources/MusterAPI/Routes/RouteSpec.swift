/// Who may call a route. Admin is accepted wherever join or read is.
package enum RouteAccess: String, Sendable {
    /// Needs no token.
    case open
    /// Needs none either, unless the coordinator is `--private`: then `read`.
    case picture
    /// The same at an origin, where whoever may join may look, too: edges.
    case image
    case read
    case join
    /// A member's own secret.
    case member
    /// A child's own secret.
    case child
    /// A member's own secret, or an admin's.
    case send
    case admin
}

/// One value of a body or a query, for the document and for people; the checks live where the body is read.
package struct FieldSpec: Sendable {
    package enum Place: String, Sendable { case body, query, form }
    package enum Kind: String, Sendable { case string, integer, number, boolean, array, object }
    package var name: String
    package var kind: Kind
    package var summary: String
    package var isRequired = false
    package var place = Place.body

    static func body(_ name: String, _ kind: Kind, _ summary: String, required: Bool = false) -> FieldSpec {
        FieldSpec(name: name, kind: kind, summary: summary, isRequired: required)
    }

    static func form(_ name: String, _ kind: Kind, _ summary: String) -> FieldSpec {
        FieldSpec(name: name, kind: kind, summary: summary, place: .form)
    }

    static func query(_ name: String, _ kind: Kind, _ summary: String) -> FieldSpec {
        FieldSpec(name: name, kind: kind, summary: summary, place: .query)
    }
}

/// One route of a role: the server registers it and `/openapi.json` documents it from this same value. `Name` is the
/// role's own list of routes.
package struct NamedRoute<Name: RawRepresentable<String> & Sendable>: Sendable {
    package var name: Name
    package var method: String
    /// `/v1/jobs/{id}`: a segment in braces is a parameter.
    package var pattern: String
    package var access: RouteAccess
    package var summary: String
    package var fields: [FieldSpec] = []
    /// Most bytes of a request body.
    package var bodyBytesMax = 0
    package var status = 200
    /// Old clients call it: where classic routes are open it needs no token.
    package var isClassic = false
    package var answerType = "application/json"

    package var parameters: [String] {
        pattern.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().prefix { $0 != "}" }) }
    }

    package var readsForm: Bool { fields.contains { $0.place == .form } }
    package var queryNames: Set<String> { Set(fields.filter { $0.place == .query }.map(\.name)) }
}

/// A route of the coordinator.
package typealias RouteSpec = NamedRoute<RouteName>

/// Each route once, by name; the driver has a handler for each.
package enum RouteName: String, CaseIterable, Sendable {
    case createJob, assignAll, listJobs, job, cancelJob, jobTasks, retryJob, jobEvents, jobResults, events
    case joinFleet, members, member, leaveFleet, drainMember, heartbeat, memberStream, servers
    case sendCommand, commands, command, assignRank, unassignRank, classicCommand
    case picture, tile, getServers, proxConnected, getMbrot
    case leases, results
    case createChild, createChildren, children, cancelChild, childNumbers, ownChild, progress, scale
    case createToken, tokens, revokeToken, machines, signIn, createSignInLink
    case install, ownToken, volunteerImage, volunteerImageChecksum, volunteerArchive, volunteerArchiveChecksum
    case healthz, readyz, metrics, openapi
}
