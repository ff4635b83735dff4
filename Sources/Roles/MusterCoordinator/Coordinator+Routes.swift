internal import MusterAPI
internal import MusterHTTP
internal import MusterJoining
internal import MusterRole
internal import Synchronization

extension Coordinator {
    /// Every route of the table with its handler; the table says who may call it and how large a body may be.
    func routes() throws -> [HTTPRoute] {
        var handlers: [RouteName: RouteHandler] = [:]
        for service in services {
            handlers.merge(service.routes) { _, _ in preconditionFailure("two services have the same route") }
        }
        return RouteTable.all.map { route($0, handlers[$0.name] ?? handler(for: $0.name)) }
    }

    private func route(_ spec: RouteSpec, _ handler: @escaping RouteHandler) -> HTTPRoute {
        if spec.name == .healthz {
            return HTTPRoute(spec.method, spec.pattern, access: spec.name.rawValue, prepared: RoleRoutes.healthz)
        }
        let queryNames = spec.queryNames
        let route = HTTPRoute(
            spec.method, spec.pattern, bodyBytesMax: spec.bodyBytesMax, access: spec.name.rawValue,
            readsForm: spec.readsForm
        ) { request in
            try request.refuseQuery(otherThan: queryNames)
            return try handler(request)
        }
        return spec.isSignOfLife ? route.asSignOfLife : route
    }

    private func handler(for name: RouteName) -> @Sendable (HTTPRequest) throws -> HTTPOutcome {
        switch name {
        case .createJob: { [unowned self] in try createJob($0) }
        case .assignAll: { [unowned self] in try assignAll($0) }
        case .listJobs: { [unowned self] in try listJobs($0) }
        case .job: { [unowned self] in try getJob($0) }
        case .cancelJob: { [unowned self] in try cancelJob($0) }
        case .jobTasks: { [unowned self] in try listTasks($0) }
        case .retryJob: { [unowned self] in try retryJob($0) }
        case .jobEvents: { [unowned self] in try streamJobEvents($0) }
        case .jobResults: { [unowned self] in try streamResults($0) }
        case .events: { [unowned self] _ in try .respond(.eventStream(events.open())) }
        case .leases: { [unowned self] in try askForWork($0) }
        case .results: { [unowned self] in try deliver($0) }
        case .backup: { [unowned self] _ in giveBackup() }
        case .healthz: { _ in .respond(HTTPResponse(status: 200, body: .prepared(RoleRoutes.healthz))) }
        case .readyz: { [unowned self] _ in readyz() }
        case .metrics: { [unowned self] _ in metricsPage() }

        case .openapi:
            RoleRoutes.openapi(
                of: RouteTable.all, role: "coordinator", version: configuration.version, access: configuration.access)
        default: preconditionFailure("no service answers \(name)")
        }
    }

    private func readyz() -> HTTPOutcome {
        if let trouble = health.trouble {
            return .respond(
                .problem(Problem(503, "The store refuses writes: \(trouble)", code: "store", retryAfter: 5)))
        }
        return readiness.answer()
    }
}
