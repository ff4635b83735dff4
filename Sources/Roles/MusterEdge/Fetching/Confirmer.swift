internal import HTTPCaching
internal import MusterCache
internal import MusterHTTP
internal import Synchronization

/// Answers out of what is stored, as the upstream has confirmed it.
final class Confirmer: Sendable {
    private let shelf: Shelf
    private let answers: AnswerWriter
    private let flights: Flights
    private let policy: CachePolicy
    private let counters: EdgeCounters

    init(
        _ shelf: Shelf, _ answers: AnswerWriter, _ flights: Flights, _ policy: CachePolicy, _ counters: EdgeCounters
    ) {
        (self.shelf, self.answers, self.flights) = (shelf, answers, flights)
        (self.policy, self.counters) = (policy, counters)
    }

    /// 304: what is stored holds on.
    func confirmed(_ response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?) {
        counters.validated.add(1, ordering: .relaxed)
        let (found, isUsedOnce) = shelf.confirm(response, fetch, flight)
        flights.end(flight)
        let waiters = [leader].compactMap { $0 } + flight.close()
        var status = CacheStatus(cache: answers.name, forward: fetch.reason)
        status.forwardStatus = 304
        status.stored = !isUsedOnce
        if found == nil, let stored = fetch.stored {
            // It speaks of nothing that is stored: what was stored is not used again without an answer of its own.
            shelf.remove(stored)
        }
        for waiter in waiters {
            let request = waiter.request.cache
            // The leader asked for this very one, unless it was asked for him.
            let isLeader = waiter.held === leader?.held && !fetch.isOfStored
            if let found, isLeader || found.head.vary.matches(request.fields),
                found.head.holds(whatIsAskedBy: request, nowMs: nowMs)
            {
                answer(waiter, found, status)
            } else {
                waiter.again()
            }
        }
    }

    /// 304 to conditions of a client's own, of which nothing is stored here: for all who sent the same.
    func unchanged(_ response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?) {
        let control = CacheControl(response: response.fields, targets: policy.targets)
        let isForAll = !control.noStore && !control.isPrivate && !response.fields.contains("Set-Cookie")
        if fetch.isShared, !isForAll { flights.doNotShare(flight.key, nowMs: nowMs) }
        flights.end(flight)
        let waiters = flight.close()
        let vary = VaryKey(response: response.fields, request: fetch.request.cache.fields)
        let conditions = Preconditions.caches(fetch.request.cache.fields)
        var status = CacheStatus(cache: answers.name, forward: fetch.reason)
        status.forwardStatus = 304
        if let leader { pass(response, to: leader, status) }
        status.collapsed = true
        for waiter in waiters {
            let fields = waiter.request.cache.fields
            if isForAll, vary.matches(fields), Preconditions.caches(fields) == conditions {
                pass(response, to: waiter, status)
            } else {
                waiter.again()
            }
        }
    }

    /// A head without a body.
    private func pass(_ response: UpstreamResponse, to waiter: Waiter, _ status: CacheStatus) {
        waiter.held.respond(answers.passedOn(response, status, isHead: false).response)
    }

    /// What was asked in the name of what is stored is answered otherwise: whoever waits for it asks with a request of his own.
    func askForThemselves(_ response: UpstreamResponse, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?) {
        if let stored = fetch.stored, policy.endsStored(response, to: fetch.request.cache) { shelf.remove(stored) }
        flights.end(flight)
        for waiter in [leader].compactMap({ $0 }) + flight.close() { waiter.again() }
    }

    private func answer(_ waiter: Waiter, _ stored: Candidate, _ status: CacheStatus) {
        let request = waiter.request.cache
        if let bytes = shelf.bytesAtHand(stored, for: request) {
            return waiter.held.respond(answers.answer(stored.head, bytes, to: request, .hit, status))
        }
        Task {
            do {
                let bytes = try await shelf.open(stored, for: request)
                waiter.held.respond(answers.answer(stored.head, bytes, to: request, .hit, status))
            } catch {
                waiter.again()
            }
        }
    }
}
