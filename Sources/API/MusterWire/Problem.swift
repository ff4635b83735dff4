/// An error as HTTP callers see it: `application/problem+json`, RFC 9457. Every error answer of Muster is one of these.
package struct Problem: Error, Hashable, Sendable {
    /// A URI reference that names the kind of problem: `about:blank` or `/problems/<code>`.
    package var type: String
    package var title: String
    /// The HTTP status, 400…599.
    package var status: Int
    /// What exactly is wrong with this request, with the offending value, and what to do about it.
    package var detail: String
    /// Seconds after which asking again may help; also sent as `Retry-After`. Nil: asking again the same way cannot help.
    package var retryAfter: Int?
    /// The bound that this request met; nil: it was refused for another reason.
    package var limit: LimitName?

    package init(_ status: Int, _ detail: String, code: String? = nil, retryAfter: Int? = nil, limit: LimitName? = nil)
    {
        self.type = code.map { "/problems/" + $0 } ?? "about:blank"
        self.title = Problem.title(of: status)
        self.status = status
        self.detail = detail
        self.retryAfter = retryAfter
        self.limit = limit
    }

    /// Of a 401 to a request that showed no token; `Problem(401, …, code: "no-token")`.
    package static let noTokenType = "/problems/no-token"
    /// Of a 403 to a token that is not enough; `Problem(403, …, code: "rights")`.
    package static let rightsType = "/problems/rights"

    package static let contentType = "application/problem+json"

    package var isRetryable: Bool { retryAfter != nil }

    /// Whether an answer is a Muster server's own word that the same request will always be refused. By its type: whatever else may
    /// answer at a server's address for a while (a proxy, an ingress whose routes are being set) refuses nobody.
    package static func isFinal(status: Int, type: String) -> Bool {
        (400..<500).contains(status) && finalTypes.contains(type)
    }

    private static let finalTypes = Set(
        [
            "token", "no-token", "rights", "field", "unknown-field", "not-json", "size", "key", "gone", "volunteers",
            "impossible",
        ]
        .map { "/problems/" + $0 })

    /// The reason phrase of RFC 9110 for a status.
    package static func title(of status: Int) -> String {
        switch status {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 507: "Insufficient Storage"
        default: "Error"
        }
    }
}

extension Problem: WireType {
    package static let blank: Problem = {
        var problem = Problem(0, "")
        (problem.type, problem.title) = ("", "")
        return problem
    }()
    package static let schemaName = "Problem"
    package static let fields: [WireField<Problem>] = [
        .always("type", \.type, .prose(upTo: textBytesMax), "about:blank or /problems/KIND."),
        .always("title", \.title, .prose(upTo: textBytesMax)),
        .always("status", \.status, .integer(400...599)),
        .always(
            "detail", \.detail, .prose(upTo: textBytesMax),
            "What is wrong, with the offending value, and what to do."),
        .may("retryAfter", \.retryAfter, .integer, "Seconds after which asking again may help."),
        .may("limit", \.limit, .word, "The bound that was met; GET /v1/limits of a coordinator tells of each."),
    ]
    private static let textBytesMax = 64 << 10

    /// Its detail, or this where it has none.
    package func detail(or other: String) -> String { detail.isEmpty ? other : detail }
}

extension Problem: CustomStringConvertible {
    package var description: String { "\(status) \(title): \(detail)" }
}
