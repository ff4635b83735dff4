package import MusterAPI
package import MusterCommandLine
internal import MusterCore
internal import MusterHTTPClient
internal import MusterJSON
internal import MusterWire

/// Following one job to its end, through restarts of the coordinator.
package struct JobWatch {
    private static let patience: Duration = .seconds(60)
    let client: CoordinatorClient
    let id: JobID

    /// Calls at each change; returns the final status.
    @MainActor func follow(_ show: @MainActor (JobStatus) -> Void) async throws -> JobStatus {
        var latest: JobStatus?
        var patience = Patience(Self.patience)
        try await patience.run {
            var parser = ServerSentEventParser()
            try await client.stream("/v1/jobs/\(id)/events") { piece in
                for event in try parser.feed(piece) where event.event == "job" {
                    let status = try JobStatus(JSONValue(parsing: Array(event.data.utf8)))
                    latest = status
                    show(status)
                }
            }
            return latest?.state.isFinal ?? false
        }
        guard let latest else { throw CommandError(.unavailable, "the coordinator said nothing of job \(id)") }
        return latest
    }

    /// How a job's end becomes the command's.
    package static func requireDone(_ status: JobStatus) throws(CommandError) {
        switch status.state {
        case .failed: throw CommandError(.failure, "job \(status.id) failed: \(status.failed) of \(status.count) tasks")
        case .cancelled:
            let reason = status.reason.isEmpty ? "" : ": \(status.reason)"
            throw CommandError(.failure, "job \(status.id) was cancelled\(reason)")
        default: break
        }
    }
}

/// Tries again while the other side is away, until it is done or has been away too long in one piece.
package struct Patience {
    /// Whether the other side was there in this attempt, although the attempt ended badly: a stream that broke after an hour.
    @MainActor package final class Contact {
        fileprivate var isMade = false
        package func made() { isMade = true }
    }

    package let contact = Contact()
    private let limit: Duration
    private var backoff = Backoff(cap: .seconds(2))
    private var awaySince: ContinuousClock.Instant?

    @MainActor package init(_ limit: Duration) { self.limit = limit }

    /// `attempt` says whether it is done. Only a coordinator that is away, or a stream that broke, is tried again.
    @MainActor package mutating func run(_ attempt: @MainActor () async throws -> Bool) async throws {
        var random = SystemRandomNumberGenerator()
        while true {
            do {
                if try await attempt() { return }
                awaySince = nil
                backoff.reset()
            } catch let unreachable as CoordinatorClient.Unreachable {
                throw unreachable.error
            } catch let error as CommandError where error.exitCode == .unavailable || error.exitCode == .temporary {
                try giveUpIfTooLong(error)
            } catch let error as HTTPClientError {
                try giveUpIfTooLong(CommandError(.unavailable, error.message))
            }
            try await Task.sleep(for: backoff.next(using: &random))
        }
    }

    @MainActor private mutating func giveUpIfTooLong(_ error: CommandError) throws {
        let now = ContinuousClock.now
        if contact.isMade {
            contact.isMade = false
            awaySince = nil
            backoff.reset()
        }
        guard let since = awaySince else {
            awaySince = now
            return
        }
        if now - since > limit { throw error }
    }
}
