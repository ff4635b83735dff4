internal import HTTPCaching
internal import MusterHTTP
internal import MusterHTTPClient

/// Passes on answers that are for one client only.
final class Relay: Sendable {
    private let shelf: Shelf
    private let answers: AnswerWriter
    private let flights: Flights
    private let policy: CachePolicy

    init(
        _ shelf: Shelf, _ answers: AnswerWriter, _ flights: Flights, _ policy: CachePolicy
    ) {
        (self.shelf, self.answers, self.flights) = (shelf, answers, flights)
        self.policy = policy
    }

    /// Only whoever asked gets it; those who waited ask for themselves.
    func passOn(
        _ response: UpstreamResponse, _ stream: HTTPClientStream, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?,
        gathering: (([UInt8]) -> Void)? = nil
    ) async throws {
        let key = fetch.request.cache.key
        let waiters = flight.close()
        // 416 is about one range.
        if fetch.isShared, response.status != 416 { flights.doNotShare(key, nowMs: nowMs) }
        flights.end(flight)
        for waiter in waiters { waiter.again() }
        if let stored = fetch.stored, !fetch.request.cache.isHead, fetch.conditions?.isEmpty == false,
            policy.endsStored(response, to: fetch.request.cache)
        {
            // It was asked whether this still holds, and something else came.
            shelf.remove(stored)
        }
        guard let leader else { return stream.cancel() }
        var status = CacheStatus(cache: answers.name, forward: fetch.reason)
        status.forwardStatus = response.status
        let answered = answers.passedOn(response, status, isHead: fetch.request.cache.isHead)
        leader.held.respond(answered.response)
        guard let out = answered.stream else { return stream.cancel() }
        await Self.relay(stream, to: out, gathering: gathering)
    }

    /// As fast as the slower of the two.
    static func relay(_ stream: HTTPClientStream, to out: HTTPStream, gathering: (([UInt8]) -> Void)? = nil) async {
        do {
            while let piece = try await stream.next() {
                gathering?(piece)
                try await out.send(piece)
            }
            out.finish()
        } catch {
            stream.cancel()
            out.abort()
        }
    }
}
