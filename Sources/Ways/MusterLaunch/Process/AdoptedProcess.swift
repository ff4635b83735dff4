internal import CSpawn
internal import Glibc

/// A process that an earlier coordinator launched. Its number is safe to signal: the descriptor stands for the process, not for
/// the number.
final class AdoptedProcess: Sendable {
    private let descriptor: CInt
    private let pid: pid_t

    /// Nil when it has gone meanwhile.
    init?(_ record: LaunchRecord) {
        let opened = muster_pidfd_open(record.pid)
        guard opened >= 0 else { return nil }
        // Between the look at the record and the opening the number could have changed hands.
        guard LaunchRecord(pid: record.pid) == record else {
            close(opened)
            return nil
        }
        descriptor = opened
        pid = record.pid
    }

    deinit { close(descriptor) }

    func signal(_ number: Int32) { _ = muster_pidfd_send_signal(descriptor, number) }

    /// Calls `handler` once it has ended, from the thread that serves all children, which must not block.
    func onExit(_ handler: @escaping @Sendable () -> Void) {
        let watched = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard watched >= 0 else { return handler() }
        ChildWatcher.shared.watch(exit: watched) { [self] in
            // What it left in its group goes with it. While there is such a thing the number is still the group's; if there
            // is not, the number has not come round to anybody else in this moment.
            kill(-pid, SIGKILL)
            handler()
        }
    }
}
