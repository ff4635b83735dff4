internal import MusterKernels
internal import Synchronization

/// Ends a task that takes longer than its job allows, without ending the batch that it is in.
final class TaskTimer: Sendable {
    private let limit: Duration
    private let seconds: Double
    private let batch: Cancellation
    /// What the task that runs now listens to.
    private let current = Mutex<Cancellation?>(nil)

    init(seconds: Double, _ batch: Cancellation) {
        (self.seconds, self.batch) = (seconds, batch)
        limit = .seconds(seconds)
        batch.onCancel { [weak self] in self?.current.withLock { $0 }?.cancel() }
    }

    /// Throws a `TaskFailure` for a task that took too long, whatever it brought.
    func run(_ body: (Cancellation) throws(TaskFailure) -> [UInt8]) throws(TaskFailure) -> [UInt8] {
        let own = Cancellation()
        current.withLock { $0 = own }
        if batch.isCancelled { own.cancel() }
        let alarm = Task { [limit] in
            try await Task.sleep(for: limit)
            own.cancel()
        }
        defer {
            alarm.cancel()
            current.withLock { $0 = nil }
        }
        let result: Result<[UInt8], TaskFailure>
        do throws(TaskFailure) {
            result = .success(try body(own))
        } catch {
            result = .failure(error)
        }
        if own.isCancelled, !batch.isCancelled {
            throw TaskFailure("it took longer than \(seconds) s, the job's timeout for a task")
        }
        return try result.get()
    }
}
