internal import MusterAPI
internal import MusterCache
internal import MusterCore
internal import MusterHTTP
internal import Synchronization

extension Edge {
    /// What the edge answers itself.
    func ownRoutes() -> [HTTPRoute] { EdgeRoutes.all.map(route) }

    private func route(_ spec: EdgeRoutes.Spec) -> HTTPRoute {
        if spec.name == .healthz {
            return HTTPRoute(spec.method, spec.pattern, access: spec.name.rawValue, prepared: RoleRoutes.healthz)
        }
        let handler = handler(for: spec.name)
        return HTTPRoute(
            spec.method, spec.pattern, bodyBytesMax: spec.bodyBytesMax, access: spec.name.rawValue
        ) { request in
            try request.refuseQuery(otherThan: [])
            return try handler(request)
        }
    }

    private func handler(for name: EdgeRouteName) -> @Sendable (HTTPRequest) throws -> HTTPOutcome {
        switch name {
        case .edge: { [unowned self] _ in .respond(.json(status())) }
        case .purge: { [unowned self] in try purge($0) }
        case .healthz: { _ in .respond(HTTPResponse(status: 200, body: .prepared(RoleRoutes.healthz))) }
        case .readyz: { _ in .respond(.json(Array("{\"status\":\"ready\"}".utf8))) }
        case .metrics: { [unowned self] _ in metricsPage() }
        case .openapi: RoleRoutes.openapi(of: EdgeRoutes.all, role: "edge", version: configuration.version)
        case .forwarded: { _ in throw Problem(500, "What is forwarded has no route of its own.") }
        }
    }

    private func status() -> [UInt8] {
        let statistics = store.statistics
        var json = JSONWriter()
        json.beginObject()
        json.field("id", configuration.id)
        json.key("leader")
        json.raw("null".utf8)
        json.field("term", 0)
        json.field("hits", counters.hits.load(ordering: .relaxed))
        json.field("misses", counters.misses.load(ordering: .relaxed))
        json.field("bytes", max(statistics.diskBytes, statistics.memoryBytes))
        json.field("objects", statistics.objects)
        json.field("memoryBytes", statistics.memoryBytes)
        json.field("diskBytes", statistics.diskBytes)
        json.field("upstream", configuration.upstream.url)
        json.endObject()
        return json.bytes
    }

    private func metricsPage() -> HTTPOutcome {
        var page = MetricsPage()
        func count(_ counter: borrowing Atomic<Int>) -> Int { counter.load(ordering: .relaxed) }
        page.add("cache_hits_total", "counter", "Requests answered from the cache.", count(counters.hits))
        page.add("cache_misses_total", "counter", "Requests that needed the upstream.", count(counters.misses))
        page.add("cache_stale_total", "counter", "Requests answered with something stale.", count(counters.stale))
        page.add("cache_collapsed_total", "counter", "Requests that shared another's fetch.", count(counters.collapsed))
        page.add("cache_validated_total", "counter", "Answers that the upstream confirmed.", count(counters.validated))
        page.add("upstream_requests_total", "counter", "Requests to upstreams.", count(counters.fetches))
        page.add("upstream_failures_total", "counter", "Of them without a whole answer.", count(counters.fetchesFailed))
        page.add("cache_purged_total", "counter", "Answers forgotten on demand.", count(counters.purged))
        let statistics = store.statistics
        page.add("cache_objects", "gauge", "Answers stored.", statistics.objects)
        page.add("cache_memory_bytes", "gauge", "Bytes of them in memory.", statistics.memoryBytes)
        page.add("cache_disk_bytes", "gauge", "Bytes of them on the disk.", statistics.diskBytes)
        page.add("cache_evicted_total", "counter", "Answers pushed out of memory.", statistics.evicted)
        page.add("cache_corrupt_total", "counter", "Files that were not what was stored.", statistics.corrupt)
        page.add("cache_unwritten_total", "counter", "Answers that the disk did not take.", statistics.unwritten)
        page.add(serverStatistics)
        return .respond(page.response)
    }
}

// MARK: - Purging

extension Edge {
    private func purge(_ request: HTTPRequest) throws -> HTTPOutcome {
        var fields = try JSONFields(body: request.body)
        let id = try fields.int("id", in: 0...Int.max)
        let prefix = try fields.string("prefix", bytesMax: 8_192)
        let all = try fields.bool("all") ?? false
        try fields.finish()
        guard [id != nil, prefix != nil, all].count(where: { $0 }) == 1 else {
            throw Problem(422, "One of \"id\", \"prefix\" and \"all\": true is needed.", code: "field")
        }
        if let prefix, !prefix.hasPrefix("/") {
            throw Problem(422, "\"prefix\" is \"\(prefix.prefix(80))\"; it must begin with a slash.", code: "field")
        }
        let image = id.map { ImageTarget(id: "\($0)") }
        return .task { [self] in
            let count = await purge { key in
                if let prefix { return key.target.hasPrefix(prefix) || PlainTarget(key.target).path.hasPrefix(prefix) }
                guard let image else { return true }
                return ImageTarget(of: key) == image
            }
            var json = JSONWriter()
            json.beginObject()
            json.field("purged", count)
            json.endObject()
            return .json(json.bytes)
        }
    }

    /// Forgets what is stored, and lets nothing that is on its way be stored. Returns how many answers went.
    func purge(_ matches: @escaping @Sendable (CacheKey) -> Bool) async -> Int {
        flights.forbidStoring(matches)
        partials.remove(where: matches)
        let count = store.remove(where: matches)
        await store.settle()
        counters.purged.add(count, ordering: .relaxed)
        return count
    }
}
