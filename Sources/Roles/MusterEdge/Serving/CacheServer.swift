internal import HTTPCaching
internal import MusterCache
internal import MusterHTTP

/// Serves GET and HEAD: from the cache, or by having it fetched.
final class CacheServer: Desk {
    private let reader: RequestReader
    private let planner: Planner
    private let shelf: Shelf
    private let answers: AnswerWriter
    private let fetcher: Fetcher

    init(
        _ reader: RequestReader, _ planner: Planner, _ shelf: Shelf, _ answers: AnswerWriter, _ fetcher: Fetcher
    ) {
        (self.reader, self.planner, self.shelf) = (reader, planner, shelf)
        (self.answers, self.fetcher) = (answers, fetcher)
    }

    func serve(_ received: HTTPRequest) throws -> HTTPOutcome {
        let request = try reader.read(received)
        switch planner.plan(request) {
        case .hit(let candidate, let kind):
            guard let response = answerAtHand(candidate, to: request, kind) else { return hold(request) }
            return .respond(response)
        case .gatewayTimeout: return .respond(answers.gatewayTimeout())
        case .fetch: return hold(request)
        }
    }

    private func hold(_ request: EdgeRequest) -> HTTPOutcome {
        .hold { [self] held in serve(Waiter(request: request, held: held, desk: self)) }
    }

    func serve(_ waiter: Waiter) {
        let request = waiter.request
        switch planner.plan(request) {
        case .hit(let candidate, let kind):
            if let response = answerAtHand(candidate, to: request, kind) { return waiter.held.respond(response) }
            Task {
                do {
                    let bytes = try await shelf.open(candidate, for: request.cache)
                    if case .whileRevalidating = kind { revalidate(candidate, for: request) }
                    waiter.held.respond(answers.answer(candidate.head, bytes, to: request.cache, kind))
                } catch {
                    // It is not stored any more: what is damaged is fetched again.
                    serve(waiter)
                }
            }
        case .gatewayTimeout: waiter.held.respond(answers.gatewayTimeout())
        case .fetch(let fetch): fetcher.fetch(fetch, for: waiter)
        }
    }

    /// Nil when the body has to be read from the disk first.
    private func answerAtHand(_ candidate: Candidate, to request: EdgeRequest, _ kind: HitKind) -> HTTPResponse? {
        guard let bytes = shelf.bytesAtHand(candidate, for: request.cache) else { return nil }
        if case .whileRevalidating = kind { revalidate(candidate, for: request) }
        return answers.answer(candidate.head, bytes, to: request.cache, kind)
    }

    /// Once, behind the client's back, while nobody else does; whatever the client's own request is like.
    private func revalidate(_ stored: Candidate, for request: EdgeRequest) {
        fetcher.runAlone(request.cache.key) { planner.validation(of: stored, for: request) }
    }
}
