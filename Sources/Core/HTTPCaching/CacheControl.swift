/// The cache directives of a message (RFC 9111 5.2, RFC 5861, RFC 9213), parsed once. Seconds are 0 to 2^31.
package struct CacheControl: Equatable, Sendable {
    /// Responses: an invalid or contradictory value is 0, so the response counts as stale (RFC 9111 4.2.1).
    package var maxAge: Int?
    package var sMaxAge: Int?
    package var noStore = false
    /// Unqualified; with field names only, `noCacheFields` has them, in lower case.
    var noCache = false
    var noCacheFields: [String] = []
    /// Unqualified; with field names only, `privateFields` has them, in lower case.
    package var isPrivate = false
    var privateFields: [String] = []
    var isPublic = false
    var mustRevalidate = false
    var proxyRevalidate = false
    var mustUnderstand = false
    var noTransform = false
    package var onlyIfCached = false
    package var staleWhileRevalidate: Int?
    package var staleIfError: Int?
    /// `Int.max` without a value: any staleness.
    package var maxStale: Int?
    package var minFresh: Int?
    /// These directives came in a valid targeted field (`CDN-Cache-Control`), so `Cache-Control` and `Expires` say nothing to us.
    var isTargeted = false

    package init() {}

    /// A request's; nil without any. `Pragma: no-cache` counts where there is no `Cache-Control` (RFC 9111 5.4).
    package init?(request fields: HeaderFields) {
        if fields.contains("Cache-Control") {
            self.init(lines: fields.values("Cache-Control"))
        } else if fields.list("Pragma").contains(where: { FieldSyntax.same($0, "no-cache") }) {
            self.init()
            noCache = true
        } else {
            return nil
        }
    }

    /// A response's. The first of the targeted fields (`CachePolicy.targets`) that is not empty and parses decides alone; others are
    /// ignored (RFC 9213 2.1, 2.2).
    package init(response fields: HeaderFields, targets: [String] = CachePolicy.cdnTargets) {
        for name in targets {
            guard let targeted = CacheControl(targeted: fields.values(name)) else { continue }
            self = targeted
            return
        }
        self.init(lines: fields.values("Cache-Control"))
    }

    /// Without leave of the origin, no stale response (RFC 9111 4.2.4); `s-maxage` means `proxy-revalidate` (5.2.2.10).
    var prohibitsStale: Bool { noCache || mustRevalidate || proxyRevalidate || sMaxAge != nil }
}
