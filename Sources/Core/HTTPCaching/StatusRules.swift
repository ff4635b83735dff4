/// What a status alone says to a cache.
enum StatusRules {
    /// RFC 9110 15.1: the statuses whose definition lets a cache guess how long they last.
    static let heuristicallyCacheable: Set = [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]

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
}
