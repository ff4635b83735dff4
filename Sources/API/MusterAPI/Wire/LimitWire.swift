package import MusterWire

/// A bound that somebody met at a server since that began, in the answer to `GET /v1/limits`.
package struct LimitStatus: Hashable, Sendable {
    /// The name of it; a later version may have others than `LimitName`.
    package private(set) var name = ""
    private var (what, page) = ("", "")
    package private(set) var flag: String?
    /// How often.
    package var count = 0
    /// When last; seconds since 1970.
    package var last = 0.0
    /// The same as seconds before the answer, for who has another clock.
    package var secondsAgo = 0.0
    /// What the last one was told who met it; cut.
    package var detail = ""

    private init() {}

    package init(_ limit: LimitName, count: Int, last: Double, secondsAgo: Double, detail: String) {
        (name, what, page, flag) = (limit.rawValue, limit.summary, limit.page, limit.flag)
        (self.count, self.last, self.secondsAgo, self.detail) = (count, last, secondsAgo, detail)
    }
}

extension LimitStatus: WireType, WireListed {
    package static let blank = LimitStatus()
    package static let schemaName = "Limit"
    package static let listName = "limits"
    package static let listSchemaName = "Limits"
    package static let listFields = madeListFields
    package static let fields: [WireField<LimitStatus>] = [
        .must("limit", \.name, .prose), .always("what", \.what, .prose, "Of what there may not be more."),
        .always("count", \.count, .integer, "How often it was met since the coordinator began."),
        .always("last", \.last, .seconds), .always("secondsAgo", \.secondsAgo, .seconds),
        .always("detail", \.detail, .prose(upTo: 64 << 10), "What the last one was told who met it; cut."),
        .may("flag", \.flag, .prose, "The flag that moves it."),
        .always("page", \.page, .prose, "The page of the documents that says more."),
    ]
}
