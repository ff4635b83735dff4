/// What a shared cache may do with a response (RFC 9111), as pure functions of what was received and of the time.
///
/// The driver's duties, in order. A request comes: remove its hop-by-hop fields, refuse it if it has passed here already
/// (`Forwarding.isLoop`), make a `CacheRequest`, `select` among the stored responses of its key, and do what `reuse` says.
/// A final response comes: ask `invalidated` after any method, `storable` and keep or not; after a conditional request ask
/// `validated`; when the upstream fails ask `onFailure`. Interim responses go by unseen.
package struct CachePolicy: Equatable, Sendable {
    /// The share of the time since `Last-Modified` that a response without explicit freshness stays fresh: 0 to 100 %.
    package var heuristicPercent = 10
    /// The most of it, seconds.
    package var heuristicSecondsMax = 86_400
    /// How long a 404 or 410 without explicit freshness is used, 0 to 300 s; no other status is ever, without.
    package var negativeSeconds: Int
    /// How long beyond its life a response that allows it is served while the upstream cannot be reached, where it sets no
    /// `stale-if-error` of its own (RFC 9111 4.2.4), seconds.
    package var disconnectedSecondsMax = 86_400
    /// Responses with `Set-Cookie` are stored on a bare `max-age` or `Expires`, too.
    package var storesSetCookie = false
    /// Fields that speak to caches of this kind, the most particular first (RFC 9213 2.2, a target list).
    package var targets = cdnTargets
    package static let cdnTargets = ["CDN-Cache-Control"]

    package init(negativeSeconds: Int = 5) { self.negativeSeconds = min(max(negativeSeconds, 0), 300) }

    /// 4.2.2: nil where guessing is not allowed or there is nothing to guess from.
    func heuristicLifetime(
        status: Int, control: CacheControl, fields: HeaderFields, date: Int, now: Int
    ) -> Int? {
        guard StatusRules.heuristicallyCacheable.contains(status) || control.isPublic, !fields.contains("Set-Cookie"),
            let modified = fields["Last-Modified"].flatMap({ HTTPDate.parse($0, now: now) }), modified < date
        else { return nil }
        return min(
            (date - modified) / 100 * heuristicPercent + (date - modified) % 100 * heuristicPercent / 100,
            heuristicSecondsMax)
    }
}
