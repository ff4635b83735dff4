internal import HTTPCaching
internal import MusterAPI
internal import MusterCache
internal import MusterEdgePeers
internal import MusterHTTP
internal import Synchronization

/// Something stored that may answer a request.
enum Candidate: Sendable {
    case object(CachedObject)
    case parts(PartSet)

    var head: StoredResponse {
        switch self {
        case .object(let object): object.head
        case .parts(let set): set.head
        }
    }
}

/// What a request needs of the upstream.
struct Fetch: Sendable {
    var request: EdgeRequest
    /// What is stored for it already, to be validated or completed.
    var stored: Candidate?
    /// In the place of the request's own conditions and range. Nil: the request goes as it came.
    var conditions: HeaderFields?
    var reason: ForwardReason
    /// What the upstream is asked for.
    var span = Span.whole
    /// Made from what is stored, to validate it for everybody, and not from the request of the one who waits.
    var isOfStored = false
    /// Another edge's copy, to be stored here as what the upstream answered.
    var copy: CopySource?

    /// Whether one fetch does for all who ask alike. A range that goes as it came is its sender's own.
    var isShared: Bool { request.isPlain && (conditions != nil || !request.cache.fields.contains("Range")) }
}

extension Edge {
    /// For whatever has no route of its own.
    func forwardedRoute(_ method: String, hasBody: Bool) -> HTTPRoute {
        let access = EdgeRouteName.forwarded.rawValue
        // What a GET's body means is known to the upstream alone: its answer is for whoever sent it.
        if method == "GET" || method == "HEAD", !hasBody {
            return HTTPRoute(method, "*", bodyBytesMax: 0, access: access) { [unowned self] in try serve($0) }
        }
        return HTTPRoute(method, "*", streamedBodyBytesMax: Self.uploadBytesMax, access: access) {
            [unowned self] request, body in try await pass(request, body)
        }
    }

    /// Bytes of a request's body that is passed on.
    static let uploadBytesMax = 1 << 40

    private func serve(_ received: HTTPRequest) throws -> HTTPOutcome {
        let request = try request(received)
        switch plan(request) {
        case .hit(let candidate, let kind):
            guard let response = answerAtHand(candidate, to: request, kind) else {
                return .hold { [self] held in serve(request, Waiter(request: request, held: held)) }
            }
            return .respond(response)
        case .gatewayTimeout: return .respond(gatewayTimeout())
        case .fetch: return .hold { [self] held in serve(request, Waiter(request: request, held: held)) }
        }
    }

    /// Sees to it that the waiter is answered.
    func serve(_ request: EdgeRequest, _ waiter: Waiter) {
        switch plan(request) {
        case .hit(let candidate, let kind):
            if let response = answerAtHand(candidate, to: request, kind) { return waiter.held.respond(response) }
            Task {
                do {
                    let bytes = try await open(candidate, for: request.cache)
                    if case .whileRevalidating = kind { revalidate(candidate, for: request) }
                    waiter.held.respond(answer(candidate.head, bytes, to: request.cache, kind))
                } catch {
                    // It is not stored any more: what is damaged is fetched again.
                    serve(request, waiter)
                }
            }
        case .gatewayTimeout: waiter.held.respond(gatewayTimeout())
        case .fetch(let fetch): self.fetch(fetch, for: waiter)
        }
    }

    // MARK: Deciding

    enum HitKind {
        case fresh
        /// The request, or the upstream's absence, allows it.
        case stale(detail: String?)
        case whileRevalidating
    }

    enum Plan {
        case hit(Candidate, HitKind)
        case fetch(Fetch)
        case gatewayTimeout
    }

    func plan(_ request: EdgeRequest) -> Plan {
        let candidates = candidates(request.cache)
        let chosen = select(among: candidates, for: request.cache)
        let reuse = policy.reuse(
            chosen?.head, for: request.cache, nowMs: nowMs, hasVariants: !candidates.isEmpty && chosen == nil)
        switch (reuse, chosen) {
        case (.fresh, let chosen?) where !touch.mayVouch, (.stale, let chosen?) where !touch.mayVouch,
            (.staleWhileRevalidate, let chosen?) where !touch.mayVouch:
            // It may have been purged while this edge was away.
            if request.cache.control?.onlyIfCached == true { return .gatewayTimeout }
            return .fetch(validation(of: chosen, chosen.head.conditions, request, .stale))
        case (.fresh, let chosen?): return .hit(chosen, .fresh)
        case (.stale, let chosen?): return .hit(chosen, .stale(detail: nil))
        case (.staleWhileRevalidate, let chosen?): return .hit(chosen, .whileRevalidating)
        case (.gatewayTimeout, _): return .gatewayTimeout
        case (.validate(let conditions, let reason), let chosen?):
            return .fetch(validation(of: chosen, conditions, request, reason))
        case (.miss(let reason), _):
            return .fetch(missing(chosen, request, reason))
        default: return .fetch(Fetch(request: request, stored: nil, conditions: nil, reason: .uriMiss))
        }
    }

    func candidates(_ request: CacheRequest) -> [Candidate] {
        store.variants(request.key).map(Candidate.object)
            + PartSet.sets(parts(for: request), policy: policy).map(Candidate.parts)
    }

    /// The newest that fits; where that is a part without a strong tag, another of the same may hold what is asked for.
    private func select(among candidates: [Candidate], for request: CacheRequest) -> Candidate? {
        guard let index = policy.select(among: candidates.map(\.head), for: request) else { return nil }
        guard case .parts(let newest) = candidates[index], candidates.count > 1,
            !newest.head.holds(whatIsAskedBy: request, nowMs: nowMs)
        else { return candidates[index] }
        let other = candidates.first { candidate in
            guard case .parts(let set) = candidate, set.parts[0].isOfSame(newest.parts[0]) else { return false }
            return set.head.vary.matches(request.fields) && set.head.holds(whatIsAskedBy: request, nowMs: nowMs)
        }
        return other ?? candidates[index]
    }

    /// What is not here: all of it, the slices around a range, or what completes what is stored in part.
    private func missing(_ stored: Candidate?, _ request: EdgeRequest, _ reason: ForwardReason) -> Fetch {
        var fetch = Fetch(request: request, stored: stored, conditions: nil, reason: reason)
        fetch.span = request.cache.isHead ? .head : .whole
        if let rest = completion(stored, request, reason) {
            (fetch.conditions, fetch.span) = rest
            return fetch
        }
        let key = request.cache.key
        guard let slices = request.slices, let field = slices.field, flights.isShared(key, nowMs: nowMs),
            flights.isKept(key, nowMs: nowMs)
        else { return fetch }
        (fetch.conditions, fetch.span) = (["Range": field], slices)
        return fetch
    }

    /// By the client's request; where its answer could not be stored, and so would do for this client only, by one made from what is
    /// stored. A client that asks for a validation of his own gets it.
    private func validation(
        of stored: Candidate, _ conditions: HeaderFields, _ request: EdgeRequest, _ reason: ForwardReason
    ) -> Fetch {
        if reason == .stale, request.cache.isGet, request.rounds == 0, !conditions.isEmpty,
            policy.keepsToItself(request.cache, validating: stored.head)
        {
            return validation(of: stored, for: request)
        }
        // Without a validator of its own the request's conditions may find one.
        return Fetch(
            request: request, stored: stored, conditions: conditions.isEmpty ? nil : conditions, reason: reason,
            span: request.cache.isHead ? .head : .whole)
    }

    /// The request that would have brought what is stored, as far as anything depends on it.
    private func validation(of stored: Candidate, for request: EdgeRequest) -> Fetch {
        let key = request.cache.key
        let fields = policy.fields(validating: stored.head, asker: request.cache)
        return Fetch(
            request: EdgeRequest(
                cache: CacheRequest(method: "GET", key: key, fields: fields), upstream: request.upstream),
            stored: stored, conditions: stored.head.conditions, reason: .stale, isOfStored: true)
    }

    /// What is missing of something stored in part, a range in whole slices. Nil: there is nothing to complete; the request goes as it
    /// came, its conditions too (RFC 9111, 4.3.2).
    private func completion(
        _ stored: Candidate?, _ request: EdgeRequest, _ reason: ForwardReason
    ) -> (HeaderFields, Span)? {
        guard case .parts(let set)? = stored, reason == .partial, let bytes = set.head.bytes, request.cache.isGet,
            request.rounds < EdgeRequest.roundsMax
        else { return nil }
        var wanted: [Range<Int>]?
        switch ByteRanges.answer(to: request.cache, from: set.head, bytes: bytes, nowMs: nowMs) {
        case .parts(let ranges) where ranges.count == 1 && flights.isKept(request.cache.key, nowMs: nowMs):
            wanted = ranges.map { range in
                Slices.start(range.lowerBound)..<min(bytes, Slices.end(range.upperBound) ?? bytes)
            }
        case .whole where !request.cache.fields.contains("Range"): wanted = nil
        default: return nil
        }
        guard let conditions = policy.completion(of: set.head, wanted: wanted),
            case .from(let first, let last)? = conditions["Range"].flatMap({ ByteRanges.parse($0) })?.first
        else { return nil }
        return (conditions, .bytes(from: first, to: last.map { $0 + 1 }))
    }

    // MARK: Answering

    /// Nil when the body has to be read from the disk first.
    private func answerAtHand(_ candidate: Candidate, to request: EdgeRequest, _ kind: HitKind) -> HTTPResponse? {
        guard let bytes = bytesAtHand(candidate, for: request.cache) else { return nil }
        if case .whileRevalidating = kind { revalidate(candidate, for: request) }
        return answer(candidate.head, bytes, to: request.cache, kind)
    }

    func answer(
        _ head: StoredResponse, _ body: StoredBytes, to request: CacheRequest, _ kind: HitKind
    ) -> HTTPResponse {
        counters.hits.add(1, ordering: .relaxed)
        let remaining = head.freshness.remainingMs(nowMs: nowMs)
        // Rounded down for what is stale, too.
        var status = CacheStatus(
            cache: cacheName, hitWithTTL: remaining >= 0 ? remaining / 1000 : (remaining - 999) / 1000)
        switch kind {
        case .fresh: return answer(head, body, to: request, .hit, status)
        case .stale where remaining > 0: return answer(head, body, to: request, .hit, status)
        case .whileRevalidating: status.detail = "stale-while-revalidate"
        case .stale(let detail): status.detail = detail
        }
        counters.stale.add(1, ordering: .relaxed)
        return answer(head, body, to: request, .stale, status)
    }

    private func gatewayTimeout() -> HTTPResponse {
        var response = HTTPResponse.problem(
            Problem(504, "Only a stored answer was asked for (only-if-cached), and there is none that may be used."))
        var status = CacheStatus(cache: cacheName)
        status.detail = "only-if-cached"
        response.headers += [("X-Cache", CacheWord.miss.rawValue), ("Cache-Status", status.text)]
        return response
    }

    /// Once, behind the client's back, while nobody else does; whatever the client's own request is like.
    private func revalidate(_ stored: Candidate, for request: EdgeRequest) {
        guard let flight = flights.begin(request.cache.key) else { return }
        let fetch = validation(of: stored, for: request)
        Task { await run(fetch, flight) }
    }
}
