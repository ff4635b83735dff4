internal import MusterAPI
internal import MusterBackups
internal import MusterHTTP
internal import MusterJoining
internal import MusterRole
internal import MusterRoutes
internal import MusterServices
internal import MusterSpawning
internal import MusterWire

extension Coordinator {
    /// Every route of the table with its handler; the table says who may call it and how large a body may be.
    func routes() -> [HTTPRoute] {
        var handlers = ownHandlers
        for service in services {
            handlers.merge(service.routes) { _, _ in preconditionFailure("two services have the same route") }
        }
        return RouteTable.all.map { spec in
            guard let handler = handlers[spec.name] else { preconditionFailure("no service answers \(spec.name)") }
            return route(spec, handler)
        }
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

    /// Those of no subject.
    private var ownHandlers: [RouteName: RouteHandler] {
        [
            .events: { [common] _ in .respond(.eventStream(try common.events.open())) },
            .backup: { [backup] _ in .task { try await backup.answer() } },
            // Prepared; the server answers by itself.
            .healthz: { _ in .respond(HTTPResponse(status: 200, body: .prepared(RoleRoutes.healthz))) },
            .readyz: { [unowned self] _ in readyz() },
            .metrics: { [unowned self] _ in metrics() },
            .limits: { [listener] _ in .respond(.json(ListAnswer(listener.limitsMet).body)) },
            .openapi: RoleRoutes.openapi(
                of: RouteTable.all, role: "coordinator", version: configuration.version, access: configuration.access),
        ]
    }

    private func readyz() -> HTTPOutcome {
        if let trouble = common.health.trouble {
            return .respond(
                .problem(Problem(503, "The store refuses writes: \(trouble)", code: "store", retryAfter: 5)))
        }
        return readiness.answer()
    }

    private func metrics() -> HTTPOutcome {
        var page = MetricsPage()
        common.lock.withLock { fleet in for service in services { service.addMetrics(to: &page, fleet) } }
        spawner.addMetrics(to: &page)
        page.add(
            "store_in_trouble", "gauge", "1 while the store refuses writes.", common.health.trouble == nil ? 0 : 1)
        page.add(listener.statistics)
        return .respond(page.response)
    }
}
