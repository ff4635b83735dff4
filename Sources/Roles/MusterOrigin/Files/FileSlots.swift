internal import MusterHTTP
internal import MusterWire
internal import Synchronization

/// How many of something there may be at one time, shared among those who want them: nobody has more than is left free.
final class FileSlots: Sendable {
    private let what: String
    private let countMax: Int
    private let shares: Mutex<BodyBudget>

    /// `what`: of which there are too many, for people.
    init(_ countMax: Int, _ what: String) {
        (self.countMax, self.what) = (countMax, what)
        shares = Mutex(BodyBudget(bytesMax: countMax))
    }

    var count: Int { shares.withLock { $0.held } }

    /// Throws a `Problem` (503) where the sender has its share.
    func take(_ sender: String) throws(Problem) {
        guard shares.withLock({ $0.take(1, for: sender) }) else {
            throw Problem(
                503,
                "Too many \(what) at one time, yours among them: \(countMax) in all, and nobody more than are left.",
                retryAfter: 2, limit: .fileTransfers)
        }
    }

    func give(back sender: String) { shares.withLock { $0.give(back: 1, of: sender) } }

    /// Has one while `body` runs.
    func with<Answer>(_ sender: String, _ body: () async throws -> Answer) async throws -> Answer {
        try take(sender)
        defer { give(back: sender) }
        return try await body()
    }
}
