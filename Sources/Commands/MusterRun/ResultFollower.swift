package import MusterAPI
package import MusterClient
internal import MusterCommandLine
package import MusterCore
internal import MusterHTTPClient
internal import MusterJSON
internal import MusterWire

/// Reads a job's results as they come, each task once, through restarts of the coordinator and broken connections.
@MainActor package final class ResultFollower {
    private static let patience: Duration = .seconds(60)
    /// Of one line: a value and what stands around it.
    private static let lineBytesMax = 8 << 20

    private let client: CoordinatorClient
    private let job: JobID
    /// This task and no other.
    private let only: Int?
    private var received: ReceivedTasks
    /// Nothing more of it is wanted.
    private var isEnough = false

    package init(_ client: CoordinatorClient, job: JobID, count: Int, only: Int? = nil) {
        (self.client, self.job, self.only) = (client, job, only)
        received = ReceivedTasks(of: count)
    }

    /// Calls `take` with each task that ended, in the order of arrival, and `pause` when nothing more is there for the moment. Returns
    /// the job as it is when all is read. `waits`: goes on until the job is over.
    package func run(
        waits: Bool = true, _ take: @MainActor (TaskEnd) throws -> Void,
        pause: @MainActor () async throws -> Void
    ) async throws -> JobStatus {
        var status: JobStatus?
        var patience = Patience(Self.patience)
        let contact = patience.contact
        try await patience.run {
            try await read(waits, contact, take, pause)
            let now = try JobStatus(JSONValue(parsing: try await client.call("GET", "/v1/jobs/\(job)")))
            status = now
            return !waits || isEnough || now.state.isFinal
        }
        guard let status else { throw CommandError(.unavailable, "the coordinator said nothing of job \(job)") }
        return status
    }

    /// One stream, from the first task that has not come.
    private func read(
        _ waits: Bool, _ contact: Patience.Contact, _ take: @MainActor (TaskEnd) throws -> Void,
        _ pause: @MainActor () async throws -> Void
    ) async throws {
        let query = "wait=\(waits)&order=\(waits ? "arrival" : "task")&from=\(only ?? received.firstMissing)"
        let stream = try await client.open("/v1/jobs/\(job)/results?\(query)")
        defer { stream.cancel() }
        contact.made()
        var lines = LineSplitter(name: "results", limits: .init(lineBytesMax: Self.lineBytesMax, linesMax: .max))
        var isEmpty = true
        while !isEnough, let piece = try await stream.next() {
            isEmpty = false
            try lines.feed(piece[...]) { line, _ in try read(line, waits, take) }
            try await pause()
        }
        // A job may have no result yet, or none that was not read before.
        if !isEmpty, !isEnough { _ = try lines.finish { line, _ in try read(line, waits, take) } }
        try await pause()
    }

    private func read(
        _ line: ArraySlice<UInt8>, _ waits: Bool, _ take: @MainActor (TaskEnd) throws -> Void
    ) throws {
        if isEnough { return }
        let end: TaskEnd
        do throws(Problem) { end = try TaskEnd(line: line) } catch { throw CommandError(.data, error.detail) }
        if let only {
            // Without a wait they come in their order.
            isEnough = end.task == only || !waits && end.task > only
            if end.task != only { return }
        }
        if received.insert(end.task) { try take(end) }
    }
}
