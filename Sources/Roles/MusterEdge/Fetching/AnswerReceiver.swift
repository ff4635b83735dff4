internal import HTTPCaching
internal import MusterEdgePeers
internal import MusterHTTP
internal import MusterHTTPClient
internal import Synchronization

/// What the origin's changes have to do with answers that come in.
protocol OriginWatch: Sendable {
    /// An answer of the upstream's has come.
    func notice(_ response: UpstreamResponse)
    /// Whether another edge's copy may be stored here.
    func isCurrent(_ response: UpstreamResponse, _ copy: CopySource) -> Bool
}

/// Sees what the upstream has answered, and has done with it what is to be done.
final class AnswerReceiver: Sendable {
    private let policy: CachePolicy
    private let flights: Flights
    private let shelf: Shelf
    private let touch: Touch
    private let origin: any OriginWatch
    private let confirmer: Confirmer
    private let heads: HeadReceiver
    private let parts: PartReceiver
    private let keeper: Keeper
    private let relay: Relay
    private let failures: FailureAnswerer

    init(
        _ policy: CachePolicy, _ flights: Flights, _ shelf: Shelf, _ touch: Touch, _ origin: any OriginWatch,
        _ confirmer: Confirmer, _ heads: HeadReceiver, _ parts: PartReceiver, _ keeper: Keeper, _ relay: Relay,
        _ failures: FailureAnswerer
    ) {
        (self.policy, self.flights, self.shelf, self.touch, self.origin) = (policy, flights, shelf, touch, origin)
        (self.confirmer, self.heads, self.parts, self.keeper) = (confirmer, heads, parts, keeper)
        (self.relay, self.failures) = (relay, failures)
    }

    func received(
        _ response: UpstreamResponse, _ stream: HTTPClientStream, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?
    ) async throws {
        var response = response
        if let copy = fetch.copy {
            let isCurrent = response.status == 200 && origin.isCurrent(response, copy)
            copy.isEarly.store(response.status == 200 && !isCurrent, ordering: .relaxed)
            if !isCurrent { return stream.cancel() }
            response = response.without(CopySource.positionField)
        }
        origin.notice(response)
        if response.status == 304, fetch.conditions?.isEmpty == false, fetch.stored != nil {
            stream.cancel()
            return confirmer.confirmed(response, fetch, flight, leader)
        }
        if response.status >= 500, let stored = fetch.stored, touch.mayVouch,
            case .serveStale = policy.onFailure(
                .status(response.status), stored: stored.head, for: fetch.request.cache, nowMs: nowMs)
        {
            stream.cancel()
            return failures.serveStale(stored, fetch, flight, leader, "upstream-\(response.status)")
        }
        if response.status == 304, fetch.conditions == nil {
            stream.cancel()
            return confirmer.unchanged(response, fetch, flight, leader)
        }
        if fetch.isOfStored, policy.storable(fetch.request.cache, response) != .storable {
            stream.cancel()
            return confirmer.askForThemselves(response, fetch, flight, leader)
        }
        if fetch.request.cache.isHead {
            return try await heads.received(response, stream, fetch, flight, leader)
        }
        if response.status == 206 { return try await parts.received(response, stream, fetch, flight, leader) }
        let declared = response.length
        if fetch.request.cache.isGet, flight.mayStore, case .storable = policy.storable(fetch.request.cache, response),
            shelf.fits(declared), flights.isKept(fetch.request.cache.key, nowMs: nowMs)
        {
            let head = StoredResponse(
                request: fetch.request.cache, response: response, content: .complete(bytes: declared ?? 0),
                policy: policy)
            try await keeper.keep(head, stream, declared, fetch, flight, leader)
        } else {
            try await relay.passOn(response, stream, fetch, flight, leader)
        }
    }
}
