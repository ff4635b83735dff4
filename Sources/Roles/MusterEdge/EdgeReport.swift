internal import MusterAPI
internal import MusterCache
internal import MusterEdgePeers
internal import MusterElection
internal import MusterHTTP
internal import MusterRole
internal import MusterWire
internal import Synchronization

/// What an edge tells of itself.
final class EdgeReport: Sendable {
    private let upstream: String
    private let store: CacheStore
    private let counters: EdgeCounters
    private let peers: EdgePeers
    private let touch: Touch
    private let listing: ListingNote
    private let server: @Sendable () -> HTTPServer.Statistics?

    /// `upstream`: where it is; `server`: nil before the start.
    init(
        upstream: String, _ store: CacheStore, _ counters: EdgeCounters, _ peers: EdgePeers, _ touch: Touch,
        _ listing: ListingNote, server: @escaping @Sendable () -> HTTPServer.Statistics?
    ) {
        (self.upstream, self.store, self.counters, self.peers) = (upstream, store, counters, peers)
        (self.touch, self.listing, self.server) = (touch, listing, server)
    }

    func status() -> [UInt8] {
        let statistics = store.statistics
        let standing = peers.standing
        var state = EdgeState()
        state.id = Int(standing.own.rawValue)
        state.leader = (standing.leader?.rawValue).map { Int($0) }
        state.term = Int(standing.term.rawValue)
        state.hits = counters.hits.load(ordering: .relaxed)
        state.misses = counters.misses.load(ordering: .relaxed)
        state.bytes = max(statistics.diskBytes, statistics.memoryBytes)
        state.objects = statistics.objects
        (state.memoryBytes, state.diskBytes) = (statistics.memoryBytes, statistics.diskBytes)
        state.upstream = upstream
        state.others = standing.places.sorted { $0.key < $1.key }.map { id, url in
            EdgeState.Other(id: Int(id.rawValue), url: url, isAlive: standing.live.contains(id))
        }
        return state.body
    }

    func metrics() -> HTTPOutcome {
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
        page.add(server())
        return .respond(page.response)
    }
}
