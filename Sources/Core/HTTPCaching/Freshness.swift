/// How old a stored response is and how long it may be used as it is (RFC 9111 4.2), computed once when it is stored.
package struct Freshness: Equatable, Sendable {
    package enum Basis: Equatable, Sendable {
        /// `max-age`, `s-maxage` or `Expires` said so, though it be 0.
        case explicit
        /// A share of the time since `Last-Modified` (4.2.2).
        case heuristic
        /// A 404 or 410 that says nothing: kept briefly, so that a missing object does not reach the origin each time.
        case negative
        case none
    }

    package let control: CacheControl
    let basis: Basis
    let lifetimeMs: Int
    /// `corrected_initial_age` (4.2.3).
    let initialAgeMs: Int
    package let responseTimeMs: Int

    /// `current_age` (4.2.3). A clock set back does not make it younger than it was on arrival.
    package func ageMs(nowMs: Int) -> Int { initialAgeMs + max(0, nowMs - responseTimeMs) }

    func isFresh(nowMs: Int) -> Bool { lifetimeMs > ageMs(nowMs: nowMs) }

    /// Milliseconds of life left; negative once stale.
    package func remainingMs(nowMs: Int) -> Int { lifetimeMs - ageMs(nowMs: nowMs) }
}

extension Freshness {
    init(_ response: UpstreamResponse, policy: CachePolicy) {
        self.init(
            status: response.status, fields: response.fields, requestTimeMs: response.requestTimeMs,
            responseTimeMs: response.responseTimeMs, policy: policy)
    }

    init(status: Int, fields: HeaderFields, requestTimeMs: Int, responseTimeMs: Int, policy: CachePolicy) {
        control = CacheControl(response: fields, targets: policy.targets)
        self.responseTimeMs = responseTimeMs
        let received = responseTimeMs / 1000
        let date = Self.date(fields, received: received)
        initialAgeMs = Self.initialAgeMs(
            fields, date: date, requestTimeMs: requestTimeMs, responseTimeMs: responseTimeMs)
        if let seconds = Self.explicitLifetime(fields, control: control, date: date, now: received) {
            (basis, lifetimeMs) = (.explicit, seconds * 1000)
        } else if let seconds = policy.heuristicLifetime(
            status: status, control: control, fields: fields, date: date, now: received)
        {
            (basis, lifetimeMs) = (.heuristic, seconds * 1000)
        } else if status == 404 || status == 410, policy.negativeSeconds > 0 {
            (basis, lifetimeMs) = (.negative, policy.negativeSeconds * 1000)
        } else {
            (basis, lifetimeMs) = (.none, 0)
        }
    }

    /// `Date`, or when the response came if there is none or no valid one (RFC 9110 6.6.1).
    private static func date(_ fields: HeaderFields, received: Int) -> Int {
        fields["Date"].flatMap { HTTPDate.parse($0, now: received) } ?? received
    }

    /// The steps of 4.2.3; seconds where the fields have seconds.
    private static func initialAgeMs(
        _ fields: HeaderFields, date: Int, requestTimeMs: Int, responseTimeMs: Int
    ) -> Int {
        let apparentAge = max(0, responseTimeMs / 1000 - date) * 1000
        let responseDelay = max(0, responseTimeMs - requestTimeMs)
        return max(apparentAge, (ageValue(fields) ?? 0) * 1000 + responseDelay)
    }

    /// `Age`: the first member of its first line; nil when that is no number (5.1).
    static func ageValue(_ fields: HeaderFields) -> Int? {
        guard let line = fields["Age"] else { return nil }
        return FieldSyntax.deltaSeconds(FieldSyntax.trimmed(FieldSyntax.prefix(line, before: ",")))
    }

    /// 4.2.1: `s-maxage`, `max-age`, `Expires` minus `Date`, in this order; nil without any of them.
    private static func explicitLifetime(
        _ fields: HeaderFields, control: CacheControl, date: Int, now: Int
    ) -> Int? {
        if let seconds = control.sMaxAge ?? control.maxAge { return seconds }
        if control.isTargeted { return nil }
        let expires = fields.values("Expires")
        guard let first = expires.first else { return nil }
        // Several lines that differ, or one that is no date, as "0": stale (4.2.1, 5.3).
        guard expires.allSatisfy({ $0.utf8.elementsEqual(first.utf8) }), let time = HTTPDate.parse(first, now: now)
        else {
            return 0
        }
        return max(0, time - date)
    }
}
