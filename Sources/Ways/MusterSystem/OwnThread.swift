internal import CSystem
internal import Glibc

/// Runs `body` on a new detached thread, for what may block: cooperative threads must not. Returns 0, or the `errno` value
/// that says why there is no thread (EAGAIN: a limit on threads is reached; later may work).
///
/// The thread takes no signals, which belong to the program's own threads, save those that report its own faults. Tools show it by its
/// name, 15 bytes; nil: by the program's.
package func startThread(named name: String? = nil, _ body: @escaping @Sendable () -> Void) -> Int32 {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    for fault in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS] { sigdelset(&all, fault) }
    pthread_sigmask(SIG_BLOCK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let box = Unmanaged.passRetained(ThreadBody(name, body))
    var thread = pthread_t()
    let failure = pthread_create(
        &thread, nil,
        { argument in
            Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().run()
            return nil
        }, box.toOpaque())
    if failure == 0 { pthread_detach(thread) } else { box.release() }
    return failure
}

private final class ThreadBody: Sendable {
    private let name: String?
    private let body: @Sendable () -> Void
    init(_ name: String?, _ body: @escaping @Sendable () -> Void) { (self.name, self.body) = (name, body) }

    func run() {
        if let name { muster_name_thread(name) }
        body()
    }
}
