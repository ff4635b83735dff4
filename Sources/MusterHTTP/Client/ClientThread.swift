internal import Glibc

/// A detached thread that takes no signals (they belong to the program's own threads), save those that report its own faults.
func startThread(_ body: @escaping @Sendable () -> Void) {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    for fault in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS] { sigdelset(&all, fault) }
    pthread_sigmask(SIG_BLOCK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let box = Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { box in
            let body = Unmanaged<ThreadBody>.fromOpaque(box!).takeRetainedValue()
            body.run()
            return nil
        }, box.toOpaque())
    precondition(code == 0, "no thread for the HTTP client: \(String(cString: strerror(code)))")
    pthread_detach(thread)
}

private final class ThreadBody {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
