package enum Storability: Equatable, Sendable {
    case storable
    case refused(StorageRefusal)
}

/// Why a response is not stored; the raw value is fit for `Cache-Status`'s `detail`.
package enum StorageRefusal: String, Equatable, Sendable {
    case method, interim, status, authorization
    case setCookie = "set-cookie"
    case range
    case requestNoStore = "request-no-store"
    case noStore = "no-store"
    case isPrivate = "private"
    case varyStar = "vary-star"
    /// Nothing makes it fresh and nothing could validate it.
    case neverReusable = "never-reusable"
}

extension CachePolicy {
    /// RFC 9111 section 3, for a shared cache. `refused` says that only the requester may have it.
    ///
    /// `Set-Cookie` does not forbid storing (7.3), but a cookie that is meant for one goes to all: it is stored only where
    /// the origin speaks of caches that many share (`public`, `s-maxage`, `CDN-Cache-Control`); with `storesSetCookie` where
    /// it made the response fresh explicitly. Never on a guess or for mere validation.
    package func storable(_ request: CacheRequest, _ response: UpstreamResponse) -> Storability {
        let judgement = StorageJudgement(
            request: request, response: response, freshness: Freshness(response, policy: self),
            storesSetCookie: storesSetCookie)
        return judgement.refusal.map { .refused($0) } ?? .storable
    }

    /// Whether a final answer to a request that was to validate what is stored ends that, though it is not stored itself
    /// (RFC 9111 4.3.3): not an error of the server's, and not one that is about this request or its sender.
    package func endsStored(_ response: UpstreamResponse, to request: CacheRequest) -> Bool {
        if response.status >= 500 || StatusRules.isOfOneRequest(response.status) { return false }
        let isOfSender = response.status == 401 || response.status == 403
        return !isOfSender || !(request.fields.contains("Authorization") || request.fields.contains("Cookie"))
    }
}
