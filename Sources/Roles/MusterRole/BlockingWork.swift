internal import Glibc
internal import MusterAPI
internal import MusterSystem

extension ThreadPool {
    /// Runs what may block on one of the pool's threads. Throws what it throws, or a `Problem` (503) when there is no
    /// thread to be had.
    package func perform<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let failure = run { continuation.resume(with: Swift.Result { try work() }) }
            if failure != 0 {
                let detail = "No thread for this: \(String(cString: strerror(failure)))."
                continuation.resume(throwing: Problem(503, detail, retryAfter: 2))
            }
        }
    }
}
