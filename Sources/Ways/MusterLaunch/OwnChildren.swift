internal import Glibc
internal import Synchronization

/// The children that this process started itself and has not waited for, as opposed to those that were left to it.
enum OwnChildren {
    private static let own = Mutex<Set<pid_t>>([])

    /// Starts one by `body`, which answers its number; 0: none. Nobody takes it for a stray before it is known.
    static func start(_ body: () -> pid_t) -> pid_t {
        own.withLock { own in
            let pid = body()
            if pid > 0 { own.insert(pid) }
            return pid
        }
    }

    /// It was waited for: the number may be a stray's next.
    static func forget(_ pid: pid_t) { own.withLock { _ = $0.remove(pid) } }

    /// Waits for those of `pids` that are dead and were not started here.
    static func reapOthers(of pids: [pid_t]) {
        own.withLock { own in
            for pid in pids where !own.contains(pid) { _ = waitpid(pid, nil, WNOHANG) }
        }
    }
}
