internal import HTTPCaching
internal import MusterCore
internal import MusterEdgePeers
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Answers those who wait for an upstream that cannot be asked: out of what is stored, though stale, where that is allowed.
final class FailureAnswerer: Sendable {
    private let shelf: Shelf
    private let answers: AnswerWriter
    private let flights: Flights
    private let policy: CachePolicy
    private let touch: Touch
    private let pace = Mutex(LinePace(.seconds(1)))

    init(_ shelf: Shelf, _ answers: AnswerWriter, _ flights: Flights, _ policy: CachePolicy, _ touch: Touch) {
        (self.shelf, self.answers, self.flights) = (shelf, answers, flights)
        (self.policy, self.touch) = (policy, touch)
    }

    func answer(_ fetch: Fetch, _ flight: Flight, _ leader: Waiter?, _ error: any Error) {
        tellOfFailure(fetch, error)
        let failure = policy.onFailure(
            .unreachable, stored: fetch.stored?.head, for: fetch.request.cache, nowMs: nowMs)
        // Not what may have been purged.
        if case .serveStale = failure, let stored = fetch.stored, touch.mayVouch {
            return serveStale(stored, fetch, flight, leader, "upstream-unreachable")
        }
        // 5.2.2.2: what must not be used stale is answered with 504, however the asking failed.
        let response = answers.failure(
            failure == .gatewayTimeout
                ? Problem(
                    504, "The upstream cannot be asked, and what is stored must not be used without.", retryAfter: 2)
                : error, fetch.reason)
        leader?.held.respond(response)
        flights.end(flight)
        for waiter in flight.close() {
            // One more fetch, for all of them, may do better; a failure is nobody's but its own.
            if waiter.request.rounds == 0 { waiter.again() } else { waiter.held.respond(response) }
        }
    }

    /// In the log, at most once a second: an upstream that is away is so for every request.
    private func tellOfFailure(_ fetch: Fetch, _ error: any Error) {
        guard let count = pace.withLock({ $0.happened(SystemTime.now()) }) else { return }
        Log.info(
            "fetches failed",
            [
                "fetches": "\(count)", "upstream": fetch.request.upstream.url,
                "target": LoggedText.target(fetch.request.target),
                "reason": (error as? HTTPClientError)?.reason ?? "\(error)",
            ])
    }

    func serveStale(_ stored: Candidate, _ fetch: Fetch, _ flight: Flight, _ leader: Waiter?, _ why: String) {
        flights.end(flight)
        for waiter in [leader].compactMap({ $0 }) + flight.close() {
            guard stored.head.holds(whatIsAskedBy: waiter.request.cache, nowMs: nowMs) else {
                waiter.again()
                continue
            }
            Task {
                do {
                    let bytes = try await shelf.open(stored, for: waiter.request.cache)
                    waiter.held.respond(
                        answers.answer(stored.head, bytes, to: waiter.request.cache, .stale(detail: why)))
                } catch {
                    waiter.held.respond(answers.failure(error, fetch.reason))
                }
            }
        }
    }
}
