internal import MusterLaunchRules
package import MusterWire

/// `POST /v1/scale`: have so many launched workers.
package struct ScaleRequest: Hashable, WireRequest {
    package var workers: Int

    package init(workers: Int) { self.workers = workers }

    package static let blank = ScaleRequest(workers: 0)
    package static let fields: [WireField<ScaleRequest>] = [
        .must("workers", \.workers, .integer(0...WorkerPool.workersMax), "0 to 1000.")
    ]
}

/// The answer, and that to `GET /v1/scale`.
package struct ScaleReply: Hashable, WireType {
    package var workers: Int
    package var running: Int
    package var joined: Int
    /// Where there are as many as the queue needs: between which numbers, and why now so many.
    package var least: Int?
    package var most: Int?
    package var reason: String?

    package init(workers: Int, running: Int, joined: Int) {
        (self.workers, self.running, self.joined) = (workers, running, joined)
    }

    package static let blank = ScaleReply(workers: 0, running: 0, joined: 0)
    package static let schemaName = "Scaled"
    package static let fields: [WireField<ScaleReply>] = [
        .always("workers", \.workers, .integer, "So many are to be there."), .always("running", \.running, .integer),
        .always("joined", \.joined, .integer, "Those of them that are members."),
        .may("min", \.least, .integer, "Where there are as many as the queue needs: so many at least."),
        .may("max", \.most, .integer, "So many at most."),
        .may("reason", \.reason, .prose(upTo: 4_096), "Why there are so many now."),
    ]
}
