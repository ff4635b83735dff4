internal import MusterAPI
internal import MusterCache
internal import MusterEdgePeers
internal import MusterElection
internal import MusterHTTP
internal import MusterRole
internal import Synchronization

extension Edge {
    /// What the edge answers itself.
    func ownRoutes() -> [HTTPRoute] { ownSpecs.map(route) }

    private var ownSpecs: [EdgeRoutes.Spec] {
        EdgeRoutes.all.map { spec in
            var spec = spec
            spec.pattern = ownPath(spec.pattern)
            return spec
        }
    }

    /// A path of the edges' own, at this one as at all others.
    func ownPath(_ path: String) -> String { configuration.ownPaths + path }

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
        case .edge: { [unowned self] _ in .respond(.json(status(), headers: Self.noStore)) }
        case .edgeCopies: { [giver] _ in try giver.list() }
        case .edgeCopy: { [giver] in try giver.give($0) }
        case .healthz: { _ in .respond(HTTPResponse(status: 200, body: .prepared(RoleRoutes.healthz))) }
        case .readyz: { [readiness, listing] _ in readiness.answer(listing) }
        case .metrics: { [unowned self] _ in metricsPage() }
        case .openapi:
            RoleRoutes.openapi(
                of: ownSpecs, role: "edge", version: configuration.version, access: configuration.access)
        case .purge, .events, .edgeMessages, .edgeOrders, .edgeFilled, .edgePurges, .forwarded:
            { _ in throw Problem(500, "What is forwarded has no route of its own.") }
        }
    }

    private func status() -> [UInt8] {
        let statistics = store.statistics
        let standing = peers.standing
        var json = JSONWriter()
        json.beginObject()
        json.field("id", configuration.id.rawValue)
        json.key("leader")
        if let leader = standing.leader { json.value(leader.rawValue) } else { json.null() }
        json.field("term", standing.term.rawValue)
        json.field("hits", counters.hits.load(ordering: .relaxed))
        json.field("misses", counters.misses.load(ordering: .relaxed))
        json.field("bytes", max(statistics.diskBytes, statistics.memoryBytes))
        json.field("objects", statistics.objects)
        json.field("memoryBytes", statistics.memoryBytes)
        json.field("diskBytes", statistics.diskBytes)
        json.field("upstream", configuration.upstream.url)
        json.key("edges")
        json.beginArray()
        for (id, url) in standing.places.sorted(by: { $0.key < $1.key }) {
            json.beginObject()
            json.field("id", id.rawValue)
            json.field("url", url)
            json.field("alive", standing.live.contains(id))
            json.endObject()
        }
        json.endArray()
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
        peers.addMetrics(to: &page)
        let standing = peers.standing
        page.add("edge_leader", "gauge", "Who leads; 0: nobody at the moment.", Int(standing.leader?.rawValue ?? 0))
        page.add(
            "edge_in_touch", "gauge",
            "1 while what is stored is served; 0: what was purged meanwhile is not known yet.",
            touch.mayVouch ? 1 : 0)
        listing.add(to: &page)
        page.add("edge_term", "gauge", "The newest term known.", Int(standing.term.rawValue))
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
