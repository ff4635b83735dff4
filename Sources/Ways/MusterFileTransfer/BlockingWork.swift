internal import Glibc
internal import MusterSystem

extension ThreadPool {
    /// What may block, on a thread of its own. Throws a `FileTrouble` where there is none, or what `work` throws.
    func perform<Answer: Sendable>(_ work: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            let failure = run { continuation.resume(with: Result { try work() }) }
            if failure != 0 {
                continuation.resume(
                    throwing: FileTrouble(.away, "no thread for this: \(String(cString: strerror(failure)))"))
            }
        }
    }
}
