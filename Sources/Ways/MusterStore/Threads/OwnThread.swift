internal import Glibc
internal import MusterSystem

/// A thread of its own for what blocks in the database. `name` is for the error: `.io` when the system has no thread left.
func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) throws(StoreError) {
    let failure = MusterSystem.startThread(body)
    guard failure == 0 else {
        throw StoreError(
            .io(failure),
            "cannot start the thread \(name) (\(String(cString: strerror(failure)))): raise the limit of threads",
            isRetryable: true)
    }
}
