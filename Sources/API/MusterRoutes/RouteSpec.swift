internal import MusterAPI
internal import MusterCore
package import MusterWire

/// Who may call a route. Admin is accepted wherever join or read is.
package enum RouteAccess: String, Sendable {
    /// Needs no token.
    case open
    /// Needs none either, unless the coordinator is `--private`: then `read`.
    case picture
    /// The same at an origin, where whoever may join may look, too: edges.
    case image
    /// A file by its SHA-256: whoever may read, and the fleet's own processes, which join. Never anybody.
    case file
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

/// One value of a body, a query or a header, for the document and for people; the checks live where it is read.
package struct FieldSpec: Sendable {
    package enum Place: String, Sendable { case body, query, form, header }
    package var name: String
    package var schema: Schema
    package var summary: String
    package var isRequired = false
    package var place = Place.body

    static func form(_ name: String, _ schema: Schema, _ summary: String) -> FieldSpec {
        FieldSpec(name: name, schema: schema, summary: summary, place: .form)
    }

    static func query(_ name: String, _ schema: Schema, _ summary: String, required: Bool = false) -> FieldSpec {
        FieldSpec(name: name, schema: schema, summary: summary, isRequired: required, place: .query)
    }

    static func header(_ name: String, _ schema: Schema, _ summary: String) -> FieldSpec {
        FieldSpec(name: name, schema: schema, summary: summary, place: .header)
    }
}

extension [FieldSpec] {
    /// The fields of a body that is described as a type, and others.
    static func of<Body: WireWritable>(_: Body.Type, _ others: FieldSpec...) -> [FieldSpec] {
        Body.fields.flatMap(\.described).map {
            FieldSpec(name: $0.name, schema: $0.schema, summary: $0.summary, isRequired: $0.isRequired)
        } + others
    }
}

/// Headers that several routes read.
extension FieldSpec {
    static let idempotencyKey = header(
        "Idempotency-Key", .text(1...Limits.nameBytesMax),
        "Repeated with the same key, the request is done once and answered again.")
    static let ifNoneMatch = header(
        "If-None-Match", .prose, "ETags that the client has: 304 where one of them still holds.")
    static let musterWorkers = header(
        "Muster-Workers", .prose,
        "Who made it, the name of each worker as a Display String (RFC 9651) with its strips, most first, in at most 1024"
            + " bytes: %\"worker-1\";strips=3, %\"b%c3%bcro\";strips=1, others;workers=2;strips=2. Not of a tile that took longer"
            + " than 10 s.")
    static let ifModifiedSince = header("If-Modified-Since", .prose, "304 where it has not changed since.")
    static let ifMatch = header("If-Match", .prose, "ETags of which one must hold, or *: else 412.")
    static let range = header("Range", .prose, "bytes=FIRST-LAST, several of them or one: 206 with these parts.")
    static let ifRange = header("If-Range", .prose, "The ETag to which Range belongs: the whole where it has changed.")
    static let uploadComplete = header(
        "Upload-Complete", .text(2...2, pattern: "^[?][01]$"), "?1: the body ends the file; ?0: there will be more.")
    static let uploadLength = header("Upload-Length", .integer, "Bytes of the whole file, where they are known.")
    static func lastEventID(_ summary: String) -> FieldSpec { header("Last-Event-ID", .integer, summary) }
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
    /// It reads one job: where classic routes are open it needs no token for a job that one of them made without a token.
    package var readsOpenJobs = false
    package var answerType = "application/json"
    /// What the answer is, where that is JSON.
    package var answer = Schema.any
    /// Other good answers, alike but for 204 and 304, which have no content.
    package var otherStatuses: [Int] = []
    /// Headers of a good answer that are this route's own.
    var answerHeaders: [FieldSpec] = []
    /// Whether clients that do not ask for JSON get text instead.
    var mayAnswerText = false
    /// Whether there must be a body although no field of it must be there.
    var needsBody = false
    /// Whether the body is the bytes of a file, of any type.
    var readsBytes = false
    /// Of such a body, in the document.
    var bytesType = "application/octet-stream"
    /// What parameters of the path may be, where they are not ids from 1.
    var parameterSchemas: [String: Schema] = [:]
    /// Spoken among the fleet's own processes of one version, and not in the document.
    var isInternal = false
    /// Says that a process lives, several times a second perhaps; nobody wants to read of each.
    package var isSignOfLife = false

    package var parameters: [String] {
        pattern.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().prefix { $0 != "}" }) }
    }

    /// What a body holds.
    package var bodyFields: [FieldSpec] { fields.filter { $0.place == .body || $0.place == .form } }
    /// Streams do not end by themselves; a WebSocket is another protocol from there on.
    var isHeld: Bool { answerType == "text/event-stream" || status == 101 }
    package var readsForm: Bool { fields.contains { $0.place == .form } }
    package var queryNames: Set<String> { Set(fields.filter { $0.place == .query }.map(\.name)) }
}

/// A route of the coordinator.
package typealias RouteSpec = NamedRoute<RouteName>

/// Each route once, by name; the driver has a handler for each.
package enum RouteName: String, CaseIterable, Sendable {
    case createJob, assignAll, listJobs, job, cancelJob, jobTasks, retryJob, forgetJob, jobEvents, jobResults,
        jobOutput, events
    case joinFleet, members, member, leaveFleet, drainMember, heartbeat, memberStream, memberSocket, servers
    case sendCommand, commands, command, assignRank, unassignRank, classicCommand
    case picture, tile, getServers, proxConnected, getMbrot
    case leases, results, output
    case createChild, createChildren, children, cancelChild, childNumbers, ownChild, progress, scale, scaled
    case createToken, tokens, revokeToken, machines, signIn, createSignInLink, joinCommand, program
    case install, ownToken, volunteerImage, volunteerImageChecksum, volunteerArchive, volunteerArchiveChecksum
    case dashboard, explorer, windowFile, plainOverview, overview, overviewEvents, edges, purgeEdges, qrCode,
        signInByToken, signOut
    case backup, healthz, readyz, metrics, limits, openapi
}
