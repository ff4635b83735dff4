internal import MusterAPI
internal import MusterEdgePeers
internal import MusterHTTP
internal import MusterRole
internal import MusterRoutes
internal import MusterWire

/// All routes of an edge, joined of those of its parts.
struct EdgeRouter: Sendable {
    let cache: EdgeCache
    let peers: EdgePeers
    let giver: CopyGiver
    let report: EdgeReport
    let readiness: Readiness
    let listing: ListingNote
    let configuration: EdgeConfiguration

    /// What the edge answers itself.
    func ownRoutes() -> [HTTPRoute] { ownSpecs.map(route) }

    /// With paths of the edges' own, at this one as at all others.
    private var ownSpecs: [EdgeRoutes.Spec] {
        EdgeRoutes.all.map { spec in
            var spec = spec
            spec.pattern = configuration.ownPaths + spec.pattern
            return spec
        }
    }

    private func route(_ spec: EdgeRoutes.Spec) -> HTTPRoute {
        if spec.name == .healthz {
            return HTTPRoute(spec.method, spec.pattern, access: spec.name.rawValue, prepared: RoleRoutes.healthz)
        }
        let handler = peers.handler(for: spec.name) ?? handler(for: spec.name)
        let queries = Set(spec.fields.filter { $0.place == .query }.map(\.name))
        let route = HTTPRoute(
            spec.method, spec.pattern, bodyBytesMax: spec.bodyBytesMax, access: spec.name.rawValue
        ) { request in
            try request.refuseQuery(otherThan: queries)
            return try handler(request)
        }
        return spec.isSignOfLife ? route.asSignOfLife : route
    }

    private static let noStore = [(name: "Cache-Control", value: "no-store")]

    private func handler(for name: EdgeRouteName) -> @Sendable (HTTPRequest) throws -> HTTPOutcome {
        switch name {
        case .edge: { [report] _ in .respond(.json(report.status(), headers: Self.noStore)) }
        case .edgeCopies: { [giver] _ in try giver.list() }
        case .edgeCopy: { [giver] in try giver.give($0) }
        case .healthz: { _ in .respond(HTTPResponse(status: 200, body: .prepared(RoleRoutes.healthz))) }
        case .readyz: { [readiness, listing] _ in readiness.answer(listing) }
        case .metrics: { [report] _ in report.metrics() }
        case .openapi:
            RoleRoutes.openapi(
                of: ownSpecs, role: "edge", version: configuration.version, access: configuration.access)
        case .purge, .events, .edgeMessages, .edgeOrders, .edgeFilled, .edgePurges, .forwarded:
            { _ in throw Problem(500, "What is forwarded has no route of its own.") }
        }
    }

    /// For whatever has no route of its own.
    func forwardedRoute(_ method: String, hasBody: Bool) -> HTTPRoute {
        let access = EdgeRouteName.forwarded.rawValue
        // What a GET's body means is known to the upstream alone: its answer is for whoever sent it.
        if method == "GET" || method == "HEAD", !hasBody {
            return HTTPRoute(method, "*", bodyBytesMax: 0, access: access) { [cache] in try cache.server.serve($0) }
        }
        return HTTPRoute(method, "*", streamedBodyBytesMax: Self.uploadBytesMax, access: access) {
            [cache] request, body in try await cache.passer.pass(request, body)
        }
    }

    /// Bytes of a request's body that is passed on.
    private static let uploadBytesMax = 1 << 40
}
