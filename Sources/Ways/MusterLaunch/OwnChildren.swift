internal import Glibc
internal import Synchronization

/// The children that this process started itself and has not waited for, as opposed to those that were left to it.
enum OwnChildren {
    private static let own = Mutex<Set<pid_t>>([])
    /// Held by many that start a child each, or by one that looks at those that others left.
    private static let starts = ReadWriteLock()

    /// Starts one by `body`, which answers its number; 0: none. Nobody takes it for a stray before it is known. Others may start
    /// theirs at the same time.
    static func start(_ body: () -> pid_t) -> pid_t {
        starts.share {
            let pid = body()
            if pid > 0 { own.withLock { _ = $0.insert(pid) } }
            return pid
        }
    }

    static func contains(_ pid: pid_t) -> Bool { own.withLock { $0.contains(pid) } }

    /// It was waited for, or is left to whoever finds it: the number may be a stray's next.
    static func forget(_ pid: pid_t) { own.withLock { _ = $0.remove(pid) } }

    /// Waits for one that was started here and has ended, or is about to. How it ended.
    static func reap(_ pid: pid_t) -> ChildProcess.ExitStatus {
        var code: CInt = 0
        while waitpid(pid, &code, 0) < 0 {
            precondition(errno == EINTR, "process \(pid) was reaped by other code of this program")
        }
        forget(pid)
        let signal = Int(code & 0x7F)
        return signal == 0 ? .exited(Int(code >> 8 & 0xFF)) : .signalled(signal)
    }

    /// Waits for those of `pids` that are dead and were not started here; `alive` is given each of them that lives, whose number
    /// is its own for as long as that runs. How many were dead.
    @discardableResult
    static func reapOthers(of pids: () -> [pid_t], alive: (pid_t) -> Void = { _ in }) -> Int {
        starts.alone {
            var dead = 0
            for pid in pids() where !contains(pid) {
                switch waitpid(pid, nil, WNOHANG) {
                case 0: alive(pid)
                case pid: dead += 1
                default: break
                }
            }
            return dead
        }
    }
}

/// Many readers or one writer, who goes before readers that come later.
///
/// `@unchecked Sendable`: the C object is used through its own functions only.
private final class ReadWriteLock: @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)

    init() {
        var attributes = pthread_rwlockattr_t()
        pthread_rwlockattr_init(&attributes)
        pthread_rwlockattr_setkind_np(&attributes, Int32(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP))
        precondition(pthread_rwlock_init(lock, &attributes) == 0, "no memory for a lock")
        pthread_rwlockattr_destroy(&attributes)
    }

    deinit {
        pthread_rwlock_destroy(lock)
        lock.deallocate()
    }

    func share<Answer>(_ body: () -> Answer) -> Answer {
        pthread_rwlock_rdlock(lock)
        defer { pthread_rwlock_unlock(lock) }
        return body()
    }

    func alone<Answer>(_ body: () -> Answer) -> Answer {
        pthread_rwlock_wrlock(lock)
        defer { pthread_rwlock_unlock(lock) }
        return body()
    }
}
