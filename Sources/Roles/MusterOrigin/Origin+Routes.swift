internal import MusterHTTP
internal import MusterRole
internal import MusterRoutes
internal import MusterWire

extension Origin {
    /// Every route of the table with its handler; the table says who may call it and how large a body may be.
    func routes() -> [HTTPRoute] { OriginRoutes.all.map(route) }

    private func route(_ spec: OriginRoutes.Spec) -> HTTPRoute {
        if spec.name == .healthz {
            return HTTPRoute(spec.method, spec.pattern, access: spec.name.rawValue, prepared: RoleRoutes.healthz)
        }
        if let route = files.route(spec) { return route }
        let queryNames = spec.queryNames
        if spec.name == .putImage {
            return HTTPRoute(
                spec.method, spec.pattern, streamedBodyBytesMax: configuration.imageBytesMax,
                access: spec.name.rawValue
            ) { [writing] request, body in
                try request.refuseQuery(otherThan: queryNames)
                return try await writing.put(request, body)
            }
        }
        let handler = handler(for: spec.name)
        return HTTPRoute(
            spec.method, spec.pattern, bodyBytesMax: spec.bodyBytesMax, access: spec.name.rawValue
        ) { request in
            try request.refuseQuery(otherThan: queryNames)
            return try handler(request)
        }
    }

    private func handler(for name: OriginRouteName) -> @Sendable (HTTPRequest) throws -> HTTPOutcome {
        switch name {
        case .listImages: { [changes] in try changes.listImages($0) }
        case .image: { [reading] in try reading.image($0) }
        case .imageSize: { [reading] in try reading.size($0) }
        case .putImage, .file, .putFile, .deleteFile, .fileUpload, .appendFile, .dropUpload, .storeFiles, .missingFiles,
            .keepFiles, .fetchFiles:
            { _ in throw Problem(500, "This route is another's.") }
        case .deleteImage: { [writing] in try writing.delete($0) }
        case .changes: { [changes] in try changes.listChanges($0) }
        case .events: { [changes] in try changes.streamEvents($0) }
        case .healthz: { _ in .respond(HTTPResponse(status: 200, body: .prepared(RoleRoutes.healthz))) }
        case .readyz: { [readiness, listing] _ in readiness.answer(listing) }
        case .metrics: { [unowned self] _ in metricsPage() }
        case .openapi:
            RoleRoutes.openapi(
                of: OriginRoutes.all, role: "origin", version: configuration.version, access: configuration.access)
        }
    }

    private func metricsPage() -> HTTPOutcome {
        var page = MetricsPage()
        let figures = store.figures
        page.add("images", "gauge", "Images stored.", figures.images)
        page.add("image_bytes", "gauge", "Bytes of all images.", Int(clamping: figures.bytes))
        page.add("image_version", "gauge", "Version of the latest change.", Int(clamping: figures.version))
        page.add("image_puts_total", "counter", "Images stored or replaced.", figures.puts)
        page.add("image_deletes_total", "counter", "Images deleted.", figures.deletes)
        page.add("images_damaged", "gauge", "Images found damaged when they were asked for.", images.damagedCount)
        page.add("uploads", "gauge", "Uploads under way.", writing.uploads)
        files.addMetrics(to: &page)
        listing.add(to: &page)
        page.add(serverStatistics)
        return .respond(page.response)
    }
}
