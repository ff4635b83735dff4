internal import HTTPCaching
internal import MusterHTTP
internal import MusterHTTPClient

/// Takes in answers to HEAD.
final class HeadReceiver: Sendable {
    private let shelf: Shelf
    private let answers: AnswerWriter
    private let flights: Flights
    private let policy: CachePolicy
    private let relay: Relay

    init(
        _ shelf: Shelf, _ answers: AnswerWriter, _ flights: Flights, _ policy: CachePolicy, _ relay: Relay
    ) {
        (self.shelf, self.answers, self.flights) = (shelf, answers, flights)
        (self.policy, self.relay) = (policy, relay)
    }

    /// What could be stored of a GET goes to all who wait for the same.
    func received(
        _ response: UpstreamResponse, _ stream: HTTPClientStream, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?
    ) async throws {
        shelf.learn(fromHead: response, fetch, flight)
        let request = fetch.request.cache
        let asked = CacheRequest(method: "GET", key: request.key, fields: request.fields)
        guard fetch.isShared, let leader, policy.storable(asked, response) == .storable else {
            return try await relay.passOn(response, stream, fetch, flight, leader)
        }
        stream.cancel()
        let vary = VaryKey(response: response.fields, request: request.fields)
        var status = CacheStatus(cache: answers.name, forward: fetch.reason)
        status.forwardStatus = response.status
        status.stored = shelf.keepHead(response, fetch, flight)
        // Stored first: whoever comes from now on finds it.
        flights.end(flight)
        for (index, waiter) in ([leader] + flight.close()).enumerated() {
            let fields = waiter.request.cache.fields
            guard index == 0 || (vary.matches(fields) && Preconditions.caches(fields).isEmpty) else {
                waiter.again()
                continue
            }
            status.collapsed = index > 0
            waiter.held.respond(answers.passedOn(response, status, isHead: true).response)
        }
    }
}
