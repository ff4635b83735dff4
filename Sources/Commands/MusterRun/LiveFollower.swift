internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterHTTPClient
internal import MusterWire

/// Reads what a job's commands print while they run, as long as it is wanted. Nothing depends on it: what does not come this way comes
/// with the results.
@MainActor final class LiveFollower {
    /// Of one line: a piece and what stands around it.
    private static let lineBytesMax = 1 << 20
    private static let backoffMax: Duration = .seconds(2)

    private let client: CoordinatorClient
    private let job: JobID
    private let only: Int?

    init(_ client: CoordinatorClient, job: JobID, only: Int? = nil) {
        (self.client, self.job, self.only) = (client, job, only)
    }

    /// Calls `take` with each piece, and `pause` when no more is there for the moment. Returns when it is cancelled, and where the
    /// coordinator knows nothing of this. Throws what those throw.
    func run(_ take: @MainActor (OutputPiece) throws -> Void, pause: @MainActor () throws -> Void) async throws {
        var backoff = Backoff(cap: Self.backoffMax)
        var random = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            do {
                if try await read(take, pause) { backoff.reset() }
            } catch let error as CommandError where error.exitCode == .unavailable || error.exitCode == .temporary {
                // The way is lost, and found again.
            } catch is HTTPClientError {
                // The same.
            } catch is CommandError {
                // An earlier coordinator, or a job that is no more.
                return
            }
            try? await Task.sleep(for: backoff.next(using: &random))
        }
    }

    /// Whether anything came. What was read before is told again, and passed over by its places.
    private func read(
        _ take: @MainActor (OutputPiece) throws -> Void, _ pause: @MainActor () throws -> Void
    ) async throws -> Bool {
        let stream = try await client.open("/v1/jobs/\(job)/output" + (only.map { "?task=\($0)" } ?? ""))
        defer { stream.cancel() }
        var lines = LineSplitter(
            name: "output", limits: .init(lineBytesMax: Self.lineBytesMax, linesMax: .max, passesOverBlank: true))
        var isAny = false
        while !Task.isCancelled, let bytes = try await stream.next() {
            isAny = true
            try lines.feed(bytes[...]) { line, _ in
                // Later versions may say more in it.
                let piece = OutputPiece(asFarAsRead: Array(line))
                if piece.job == job, !Task.isCancelled { try take(piece) }
            }
            try pause()
        }
        return isAny
    }
}
