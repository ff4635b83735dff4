/// What to do with a request, given what is stored for it. Ages are milliseconds.
package enum Reuse: Equatable, Sendable {
    /// Answer with the stored response.
    case fresh(ageMs: Int)
    /// Answer with it though stale: the request's `max-stale` allows it.
    case stale(ageMs: Int)
    /// Answer with it though stale, and validate it once in the background (RFC 5861 section 3).
    case staleWhileRevalidate(ageMs: Int)
    /// Ask the upstream, these fields in place of the request's own conditions; then `validated` or `onFailure`.
    case validate(HeaderFields, ForwardReason)
    /// 504: the request said `only-if-cached`.
    case gatewayTimeout
    /// Forward the request.
    case miss(ForwardReason)
}

/// Why a request goes upstream: the values of `fwd` in RFC 9211 2.2.
package enum ForwardReason: String, Equatable, Sendable {
    case bypass, method, miss, stale, partial, request
    case uriMiss = "uri-miss"
    case varyMiss = "vary-miss"
}

/// How asking the upstream failed.
package enum UpstreamFailure: Equatable, Sendable {
    /// No answer: not connected, cut off, timed out.
    case unreachable
    /// A final response with this status.
    case status(Int)
}

package enum FailureAnswer: Equatable, Sendable {
    case serveStale(ageMs: Int)
    /// 504: the stored response must not be used without validation (RFC 9111 5.2.2.2).
    case gatewayTimeout
    /// The upstream's own response, or the driver's 502 or 504 where there is none.
    case passOn
}

extension CachePolicy {
    /// The stored response that this request selects: the most recent by `Date` (then by arrival) of those whose `Vary`
    /// matches (RFC 9111 4 and 4.1). Nil: none, which is a `vary-miss` if there are any.
    package func select(among stored: [StoredResponse], for request: CacheRequest) -> Int? {
        var best: Int?
        for (index, candidate) in stored.enumerated() where candidate.vary.matches(request.fields) {
            if let best, !candidate.isNewer(than: stored[best]) { continue }
            best = index
        }
        return best
    }

    /// `stored`: what `select` chose. `hasVariants`: something is stored for the key, though not for this request.
    package func reuse(
        _ stored: StoredResponse?, for request: CacheRequest, nowMs: Int, hasVariants: Bool = false
    ) -> Reuse {
        guard request.isGet || request.isHead else { return .miss(.method) }
        if Preconditions.areTheOrigins(request.fields) { return .miss(.bypass) }
        let decision =
            stored.map { reuse(selected: $0, for: request, nowMs: nowMs) } ?? .miss(hasVariants ? .varyMiss : .uriMiss)
        switch decision {
        case .miss, .validate: return request.control?.onlyIfCached == true ? .gatewayTimeout : decision
        default: return decision
        }
    }

    private func reuse(selected stored: StoredResponse, for request: CacheRequest, nowMs: Int) -> Reuse {
        if !stored.holds(whatIsAskedBy: request, nowMs: nowMs) {
            return .miss(stored.content.isEmpty ? .uriMiss : .partial)
        }
        let freshness = stored.freshness
        let age = freshness.ageMs(nowMs: nowMs)
        let remaining = freshness.lifetimeMs - age
        if let control = request.control, asksForValidation(control, ageMs: age, remainingMs: remaining) {
            return validation(of: stored, because: .request)
        }
        if freshness.control.noCache { return validation(of: stored, because: .stale) }
        if remaining > 0 { return .fresh(ageMs: age) }
        if freshness.control.prohibitsStale { return validation(of: stored, because: .stale) }
        if let allowed = request.control?.maxStale, -remaining <= Self.milliseconds(allowed) {
            return .stale(ageMs: age)
        }
        if let window = freshness.control.staleWhileRevalidate, -remaining <= Self.milliseconds(window) {
            return .staleWhileRevalidate(ageMs: age)
        }
        return validation(of: stored, because: .stale)
    }

    /// 5.2.1. A request's `max-age` sets a bound even on what `stale-while-revalidate` would let pass, but `max-stale`
    /// may widen it.
    private func asksForValidation(_ control: CacheControl, ageMs: Int, remainingMs: Int) -> Bool {
        if control.noCache { return true }
        if let maxAge = control.maxAge {
            let slack = control.maxStale.map(Self.milliseconds) ?? 0
            if ageMs > Self.milliseconds(maxAge) + slack { return true }
        }
        if let minFresh = control.minFresh, remainingMs < Self.milliseconds(minFresh) { return true }
        return false
    }

    /// 4.3.1: both validators, as they were received; without any the request goes as it came.
    private func validation(of stored: StoredResponse, because reason: ForwardReason) -> Reuse {
        let conditions = stored.conditions
        return conditions.isEmpty ? .miss(reason) : .validate(conditions, reason)
    }

    /// Below `Int.max`, so that sums of two fit.
    static func milliseconds(_ seconds: Int) -> Int { min(seconds, 1 << 40) * 1000 }

    /// What to answer when asking the upstream failed. A 5xx in answer to a validation may be treated as no answer
    /// (4.3.3): so are 502, 503 and 504; a 500 only where `stale-if-error` says so (RFC 5861 section 4). An explicit
    /// `stale-if-error` decides alone; without one, being disconnected allows `disconnectedSecondsMax` (4.2.4).
    package func onFailure(
        _ failure: UpstreamFailure, stored: StoredResponse?, for request: CacheRequest, nowMs: Int
    ) -> FailureAnswer {
        guard let stored, request.isGet || request.isHead, stored.holds(whatIsAskedBy: request, nowMs: nowMs),
            failure == .unreachable || Self.failures.contains(failure)
        else { return .passOn }
        let control = stored.freshness.control
        if control.prohibitsStale, control.noCache || !stored.freshness.isFresh(nowMs: nowMs) {
            return failure == .unreachable ? .gatewayTimeout : .passOn
        }
        let age = stored.freshness.ageMs(nowMs: nowMs)
        let window = staleWindow(control, request: request.control, basis: stored.freshness.basis, failure: failure)
        guard let window, age - stored.freshness.lifetimeMs <= Self.milliseconds(window) else { return .passOn }
        return .serveStale(ageMs: age)
    }

    private static let failures: [UpstreamFailure] = [.status(500), .status(502), .status(503), .status(504)]

    private func staleWindow(
        _ control: CacheControl, request: CacheControl?, basis: Freshness.Basis, failure: UpstreamFailure
    ) -> Int? {
        if let own = control.staleIfError { return max(own, request?.staleIfError ?? 0) }
        if let asked = request?.staleIfError { return asked }
        if request?.noCache == true || basis == .negative || failure == .status(500) { return nil }
        return disconnectedSecondsMax
    }
}

extension StoredResponse {
    /// The fields of a conditional request that validates it (RFC 9111 4.3.1); empty without a validator.
    package var conditions: HeaderFields {
        var conditions = HeaderFields()
        if let entityTag { conditions.append("If-None-Match", entityTag.text) }
        if lastModified != nil, let text = fields["Last-Modified"] { conditions.append("If-Modified-Since", text) }
        return conditions
    }

    func isNewer(than other: StoredResponse) -> Bool {
        let (mine, others) = (dateSeconds, other.dateSeconds)
        return mine != others ? mine > others : responseTimeMs >= other.responseTimeMs
    }

    /// `Date`, which every stored response has.
    var dateSeconds: Int {
        fields["Date"].flatMap { HTTPDate.parse($0, now: responseTimeMs / 1000) } ?? responseTimeMs / 1000
    }

    /// The whole, or all of the ranges that the request names; for HEAD what a HEAD told of it.
    package func holds(whatIsAskedBy request: CacheRequest, nowMs: Int) -> Bool {
        guard case .partial(let held, let bytes) = content else { return true }
        guard let bytes else { return false }
        if request.isHead { return held.isEmpty }
        guard request.isGet,
            case .parts(let ranges) = ByteRanges.answer(to: request, from: self, bytes: bytes, nowMs: nowMs)
        else { return false }
        return ranges.allSatisfy(held.contains)
    }
}
