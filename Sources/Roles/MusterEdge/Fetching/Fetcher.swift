internal import HTTPCaching
internal import MusterCache
internal import MusterHTTP
internal import Synchronization

/// Fetches from the upstream, once for all who want the same.
final class Fetcher: Sendable {
    private let flights: Flights
    private let planner: Planner
    private let caller: UpstreamCaller
    private let receiver: AnswerReceiver
    private let failures: FailureAnswerer
    private let live: LiveJoiner
    private let counters: EdgeCounters

    init(
        _ flights: Flights, _ planner: Planner, _ caller: UpstreamCaller, _ receiver: AnswerReceiver,
        _ failures: FailureAnswerer, _ live: LiveJoiner, _ counters: EdgeCounters
    ) {
        (self.flights, self.planner, self.caller, self.receiver) = (flights, planner, caller, receiver)
        (self.failures, self.live, self.counters) = (failures, live, counters)
    }

    /// Sees to it that the waiter is answered, by a fetch that is under way or by one of its own.
    func fetch(_ fetch: Fetch, for waiter: Waiter) {
        guard fetch.isShared else { return fetchAlone(fetch, waiter) }
        switch flights.join(waiter, fetch.span, nowMs: nowMs) {
        case .waiting: counters.collapsed.add(1, ordering: .relaxed)
        case .live(let live):
            counters.collapsed.add(1, ordering: .relaxed)
            self.live.answer(waiter, live, isCollapsed: true)
        case .alone: fetchAlone(fetch, waiter)
        case .leader(let flight): lead(flight, waiter)
        }
    }

    /// What this one waited for may have come between its look at the cache and its turn to fetch.
    private func lead(_ flight: Flight, _ waiter: Waiter) {
        if case .fetch(let fetch) = planner.plan(waiter.request), fetch.isShared, fetch.span == flight.span {
            Task { await run(fetch, flight, leader: waiter) }
            return
        }
        flights.end(flight)
        for waiter in [waiter] + flight.close() { waiter.serve() }
    }

    private func fetchAlone(_ fetch: Fetch, _ waiter: Waiter) {
        let flight = flights.alone(fetch.request.cache.key)
        let task = Task { await run(fetch, flight, leader: waiter) }
        // A fetch that only one waits for ends with him, until its answer begins: then its stream decides.
        waiter.held.onDisconnect { task.cancel() }
    }

    /// For nobody who waits, unless this key is being fetched already.
    func runAlone(_ key: CacheKey, _ fetch: () -> Fetch) {
        guard let flight = flights.begin(key) else { return }
        let fetch = fetch()
        Task { await run(fetch, flight) }
    }

    /// One fetch, to its end.
    func run(_ fetch: Fetch, _ flight: Flight, leader: Waiter? = nil) async {
        defer {
            flights.end(flight)
            // Whoever joined and was not answered asks anew: as when a fetch was for a part that only its leader lacked.
            for waiter in flight.close() { waiter.again() }
        }
        do {
            let (response, stream) = try await caller.ask(fetch)
            try await receiver.received(response, stream, fetch, flight, leader)
        } catch {
            counters.fetchesFailed.add(1, ordering: .relaxed)
            failures.answer(fetch, flight, leader, error)
        }
    }
}
