internal import Glibc

/// Runs `body` on a new thread of its own, which ends with it. Blocking calls belong there, not on cooperative threads.
///
/// `name` is for the error. Throws `.io` when the system has no thread left.
func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) throws(StoreError) {
    // Signals stay with the threads that expect them: a new thread inherits the mask of its maker.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    let start = Unmanaged.passRetained(ThreadStart(body))
    var thread = pthread_t()
    let failure = pthread_create(
        &thread, nil,
        { argument in
            let start = Unmanaged<ThreadStart>.fromOpaque(argument!).takeRetainedValue()
            start.body()
            return nil
        }, start.toOpaque())
    guard failure == 0 else {
        start.release()
        throw StoreError(
            .io(failure),
            "cannot start the thread \(name) (\(String(cString: strerror(failure)))): raise the limit of threads",
            isRetryable: true)
    }
    pthread_detach(thread)
}

private final class ThreadStart: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
