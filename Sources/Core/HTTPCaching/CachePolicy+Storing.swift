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
        let freshness = Freshness(response, policy: self)
        let refusal =
            refusedByStatus(response.status, request: request, fields: response.fields)
            // What is stored stands for GET; a POST's answer is not used for it, which RFC 9110 9.3.3 leaves open.
            ?? (request.isGet ? nil : .method)
            ?? refusedByDirectives(request, response, freshness)
            ?? refusedAsUseless(response, freshness)
        return refusal.map { .refused($0) } ?? .storable
    }

    private func refusedByStatus(_ status: Int, request: CacheRequest, fields: HeaderFields) -> StorageRefusal? {
        switch status {
        case ..<200: .interim
        case _ where Self.isOfOneRequest(status): .status
        case 206:
            // Several ranges in one multipart body are not taken apart.
            fields["Content-Range"].flatMap { ContentRange($0) }?.range == nil || !request.fields.contains("Range")
                ? .range : nil
        case 200...599: nil
        default: .status
        }
    }

    private func refusedByDirectives(
        _ request: CacheRequest, _ response: UpstreamResponse, _ freshness: Freshness
    ) -> StorageRefusal? {
        let control = freshness.control
        if request.control?.noStore == true { return .requestNoStore }
        if control.mustUnderstand {
            // 5.2.2.3: it stands in for no-store where the status is understood.
            if !Self.understood.contains(response.status) { return .status }
        } else if control.noStore {
            return .noStore
        }
        if control.isPrivate { return .isPrivate }
        if request.fields.contains("Authorization"), !allowsAuthorized(control) { return .authorization }
        if response.fields.list("Vary").contains("*") { return .varyStar }
        if response.fields.contains("Set-Cookie"), !isMeantForAll(freshness) { return .setCookie }
        return nil
    }

    private func isMeantForAll(_ freshness: Freshness) -> Bool {
        let control = freshness.control
        if control.isPublic { return true }
        guard freshness.basis == .explicit, freshness.lifetimeMs > 0, !control.noCache else { return false }
        return storesSetCookie || control.isTargeted || control.sMaxAge != nil
    }

    /// 3.5.
    func allowsAuthorized(_ control: CacheControl) -> Bool {
        control.isPublic || control.mustRevalidate || control.sMaxAge != nil
    }

    /// Section 3's last condition, and what it leaves in that could never be used.
    private func refusedAsUseless(_ response: UpstreamResponse, _ freshness: Freshness) -> StorageRefusal? {
        let control = freshness.control
        let isAllowed =
            control.isPublic || freshness.basis == .explicit
            || Self.heuristicallyCacheable.contains(response.status)
        guard isAllowed else { return .neverReusable }
        if response.fields["ETag"].flatMap({ EntityTag($0) }) != nil { return nil }
        let received = response.responseTimeMs / 1000
        if response.fields["Last-Modified"].flatMap({ HTTPDate.parse($0, now: received) }) != nil { return nil }
        if control.noCache { return .neverReusable }
        let isUsedStale = max(control.staleWhileRevalidate ?? 0, control.staleIfError ?? 0) > 0
        return freshness.lifetimeMs > 0 || (isUsedStale && !control.prohibitsStale) ? nil : .neverReusable
    }

    /// Statuses whose rules for caching this cache knows and keeps.
    static let understood: Set = [
        200, 203, 204, 206, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410, 411, 413, 414, 415,
        422,
        451, 500, 501, 502, 503, 504, 505,
    ]

    /// Whether a status speaks of one request, its sender or its connection, and not of the resource: such an answer is never
    /// another's (RFC 6585 says so of 428, 429, 431 and 511), and says nothing of what is stored.
    static func isOfOneRequest(_ status: Int) -> Bool { ofOneRequest.contains(status) }

    private static let ofOneRequest: Set = [304, 407, 408, 412, 416, 417, 421, 425, 426, 428, 429, 431, 511]

    /// Whether a final answer to a request that was to validate what is stored ends that, though it is not stored itself
    /// (RFC 9111 4.3.3): not an error of the server's, and not one that is about this request or its sender.
    package func endsStored(_ response: UpstreamResponse, to request: CacheRequest) -> Bool {
        if response.status >= 500 || Self.isOfOneRequest(response.status) { return false }
        let isOfSender = response.status == 401 || response.status == 403
        return !isOfSender || !(request.fields.contains("Authorization") || request.fields.contains("Cookie"))
    }
}
