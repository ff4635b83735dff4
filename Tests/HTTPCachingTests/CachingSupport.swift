import Testing

@testable import HTTPCaching

/// One resource, one cache: a response is stored at `start`, and later requests ask what it is good for.
enum Caching {
    /// 2026-06-15T12:00:00Z, in seconds.
    static let start = 1_781_524_800
    static let key = CacheKey(origin: "http://origin.test", target: "/a")

    /// A value `@n` is the date n seconds after `start`.
    static func dated(_ fields: HeaderFields) -> HeaderFields {
        HeaderFields(
            fields.map { field in
                guard field.value.hasPrefix("@"), let offset = Int(field.value.dropFirst()) else { return field }
                return HeaderFields.Field(name: field.name, value: HTTPDate.format(start + offset))
            })
    }

    static func request(_ fields: HeaderFields = [:], method: String = "GET", target: String = "/a") -> CacheRequest {
        CacheRequest(
            method: method, key: CacheKey(origin: "http://origin.test", target: target), fields: dated(fields))
    }

    static func response(_ fields: HeaderFields, status: Int = 200, after seconds: Int = 0) -> UpstreamResponse {
        UpstreamResponse(
            status: status, fields: dated(fields), requestTimeMs: (start + seconds) * 1000,
            responseTimeMs: (start + seconds) * 1000)
    }

    static func stored(
        _ fields: HeaderFields, status: Int = 200, request: HeaderFields = [:], after seconds: Int = 0,
        content: StoredContent = .complete(bytes: 100), policy: CachePolicy = CachePolicy()
    ) -> StoredResponse {
        StoredResponse(
            request: Self.request(request), response: response(fields, status: status, after: seconds),
            content: content,
            policy: policy)
    }

    static func now(_ seconds: Int) -> Int { (start + seconds) * 1000 }

    /// What a second request gets, in a word or two: why nothing was stored, or how what was stored is used.
    static func outcome(
        of fields: HeaderFields, status: Int = 200, first: HeaderFields = [:], second: HeaderFields = [:],
        after: Int = 3,
        policy: CachePolicy = CachePolicy()
    ) -> String {
        if case .refused(let reason) = policy.storable(request(first), response(fields, status: status)) {
            return "refused \(reason.rawValue)"
        }
        let stored = [stored(fields, status: status, request: first, policy: policy)]
        let chosen = policy.select(among: stored, for: request(second)).map { stored[$0] }
        return words(policy.reuse(chosen, for: request(second), nowMs: now(after), hasVariants: true))
    }

    static func words(_ reuse: Reuse) -> String {
        switch reuse {
        case .fresh: "fresh"
        case .stale: "stale"
        case .staleWhileRevalidate: "revalidate behind"
        case .validate(_, let reason): "validate \(reason.rawValue)"
        case .gatewayTimeout: "504"
        case .miss(let reason): "miss \(reason.rawValue)"
        }
    }
}

/// One row of a table: what was stored with which answer, and what a request three seconds later gets.
struct CachingCase: Sendable, CustomTestStringConvertible {
    var name: String
    var fields: HeaderFields
    var status = 200
    var first: HeaderFields = [:]
    var second: HeaderFields = [:]
    var after = 3
    var outcome: String
    var testDescription: String { name }

    init(
        _ name: String, _ fields: HeaderFields, _ outcome: String, status: Int = 200, first: HeaderFields = [:],
        second: HeaderFields = [:], after: Int = 3
    ) {
        (self.name, self.fields, self.outcome, self.status) = (name, fields, outcome, status)
        (self.first, self.second, self.after) = (first, second, after)
    }

    var found: String {
        Caching.outcome(of: fields, status: status, first: first, second: second, after: after)
    }
}
