/// One response to one request, judged by RFC 9111 section 3: may a shared cache store it?
struct StorageJudgement {
    let request: CacheRequest
    let response: UpstreamResponse
    /// Of the response.
    let freshness: Freshness
    /// As the policy has it.
    let storesSetCookie: Bool

    /// Nil: it may.
    var refusal: StorageRefusal? {
        byStatus
            // What is stored stands for GET; a POST's answer is not used for it, which RFC 9110 9.3.3 leaves open.
            ?? (request.isGet ? nil : .method)
            ?? byDirectives
            ?? asUseless
    }

    private var byStatus: StorageRefusal? {
        switch response.status {
        case ..<200: .interim
        case _ where StatusRules.isOfOneRequest(response.status): .status
        case 206:
            // Several ranges in one multipart body are not taken apart.
            response.fields["Content-Range"].flatMap { ContentRange($0) }?.range == nil
                || !request.fields.contains("Range")
                ? .range : nil
        case 200...599: nil
        default: .status
        }
    }

    private var byDirectives: StorageRefusal? {
        let control = freshness.control
        if request.control?.noStore == true { return .requestNoStore }
        if control.mustUnderstand {
            // 5.2.2.3: it stands in for no-store where the status is understood.
            if !StatusRules.understood.contains(response.status) { return .status }
        } else if control.noStore {
            return .noStore
        }
        if control.isPrivate { return .isPrivate }
        if request.fields.contains("Authorization"), !control.allowsAuthorized { return .authorization }
        if response.fields.list("Vary").contains("*") { return .varyStar }
        if response.fields.contains("Set-Cookie"), !isMeantForAll { return .setCookie }
        return nil
    }

    private var isMeantForAll: Bool {
        let control = freshness.control
        if control.isPublic { return true }
        guard freshness.basis == .explicit, freshness.lifetimeMs > 0, !control.noCache else { return false }
        return storesSetCookie || control.isTargeted || control.sMaxAge != nil
    }

    /// Section 3's last condition, and what it leaves in that could never be used.
    private var asUseless: StorageRefusal? {
        let control = freshness.control
        let isAllowed =
            control.isPublic || freshness.basis == .explicit
            || StatusRules.heuristicallyCacheable.contains(response.status)
        guard isAllowed else { return .neverReusable }
        if response.fields["ETag"].flatMap({ EntityTag($0) }) != nil { return nil }
        let received = response.responseTimeMs / 1000
        if response.fields["Last-Modified"].flatMap({ HTTPDate.parse($0, now: received) }) != nil { return nil }
        if control.noCache { return .neverReusable }
        let isUsedStale = max(control.staleWhileRevalidate ?? 0, control.staleIfError ?? 0) > 0
        return freshness.lifetimeMs > 0 || (isUsedStale && !control.prohibitsStale) ? nil : .neverReusable
    }
}

extension CacheControl {
    /// 3.5.
    var allowsAuthorized: Bool { isPublic || mustRevalidate || sMaxAge != nil }
}
