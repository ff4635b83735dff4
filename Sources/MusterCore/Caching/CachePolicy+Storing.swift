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
    /// the origin made the response fresh explicitly or said `public`, never on a guess or for mere validation.
    package func storable(_ request: CacheRequest, _ response: UpstreamResponse) -> Storability {
        let freshness = Freshness(response, policy: self)
        let refusal =
            refusedByStatus(response.status, request: request, fields: response.fields)
            ?? refusedByMethod(request, response, freshness)
            ?? refusedByDirectives(request, response, freshness)
            ?? refusedAsUseless(response, freshness)
        return refusal.map { .refused($0) } ?? .storable
    }

    private func refusedByMethod(
        _ request: CacheRequest, _ response: UpstreamResponse, _ freshness: Freshness
    ) -> StorageRefusal? {
        if request.isGet { return nil }
        // RFC 9110 9.3.3: a POST's answer stands for a GET where it says that it is that resource's, and how long.
        guard request.method == "POST", (200...299).contains(response.status), response.status != 206,
            freshness.basis == .explicit,
            let location = response.fields["Content-Location"], request.key.resolve(location) == request.key
        else { return .method }
        return nil
    }

    private func refusedByStatus(_ status: Int, request: CacheRequest, fields: HeaderFields) -> StorageRefusal? {
        switch status {
        case ..<200: .interim
        // They answer this request's conditions and ranges, not the resource.
        case 304, 412, 416: .status
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
        let isMeantForAll =
            control.isPublic || (freshness.basis == .explicit && freshness.lifetimeMs > 0 && !control.noCache)
        if response.fields.contains("Set-Cookie"), !isMeantForAll { return .setCookie }
        return nil
    }

    /// 3.5.
    private func allowsAuthorized(_ control: CacheControl) -> Bool {
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
        421,
        422, 426, 429, 451, 500, 501, 502, 503, 504, 505,
    ]
}
