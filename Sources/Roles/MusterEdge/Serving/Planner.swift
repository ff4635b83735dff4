internal import HTTPCaching
internal import MusterEdgePeers

/// Decides how a request is answered, by what is stored.
final class Planner: Sendable {
    enum Plan {
        case hit(Candidate, HitKind)
        case fetch(Fetch)
        case gatewayTimeout
    }

    private let shelf: Shelf
    private let policy: CachePolicy
    private let flights: Flights
    private let touch: Touch

    init(_ shelf: Shelf, _ policy: CachePolicy, _ flights: Flights, _ touch: Touch) {
        (self.shelf, self.policy, self.flights, self.touch) = (shelf, policy, flights, touch)
    }

    func plan(_ request: EdgeRequest) -> Plan {
        let candidates = shelf.candidates(request.cache)
        let chosen = shelf.select(among: candidates, for: request.cache)
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
    func validation(of stored: Candidate, for request: EdgeRequest) -> Fetch {
        let key = request.cache.key
        let fields = policy.fields(validating: stored.head, asker: request.cache)
        return Fetch(
            request: EdgeRequest(
                cache: CacheRequest(method: "GET", key: key, fields: fields), upstream: request.upstream,
                credential: request.credential),
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
}
