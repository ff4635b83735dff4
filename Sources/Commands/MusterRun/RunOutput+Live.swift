internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore

extension RunOutput {
    /// Waits for what `results` waits for, and prints meanwhile what commands print while they run, where that is wanted. Throws what
    /// `results` throws, and `BrokenPipe` or a `CommandError` where nothing can be written.
    func follow<Answer: Sendable>(
        _ job: JobID, _ client: CoordinatorClient, only: Int? = nil,
        results: @escaping @MainActor () async throws -> Answer
    ) async throws -> Answer {
        guard isLive else { return try await results() }
        let waiting = Task { try await results() }
        var trouble: (any Error)?
        let reading = Task {
            do {
                try await LiveFollower(client, job: job, only: only).run {
                    try self.take($0)
                } pause: {
                    try self.flush()
                }
            } catch {
                trouble = error
                waiting.cancel()
            }
        }
        let answer = await withTaskCancellationHandler {
            await waiting.result
        } onCancel: {
            waiting.cancel()
        }
        reading.cancel()
        if let trouble { throw trouble }
        return try answer.get()
    }
}
