internal import CSpawn
internal import Glibc
internal import MusterSystem

/// Processes that this one's children leave behind, also those that went into a session of their own.
package enum Descendants {
    /// From now on they become this process's own children instead of the system's. prctl(2), PR_SET_CHILD_SUBREAPER.
    package static func keep() { _ = muster_become_subreaper() }

    /// SIGKILL to all of them, and to those that they leave behind in turn, until none is alive. They are not waited for: this is
    /// for a process that is about to end. Who forks faster than this goes on.
    package static func end() {
        var looksWithoutOne = 0
        for _ in 0..<200 {
            let alive = children().filter { LaunchRecord(pid: $0) != nil }
            looksWithoutOne = alive.isEmpty ? looksWithoutOne + 1 : 0
            // One that dies during a look leaves its children to a thread that was looked at before: they are there at the next.
            if looksWithoutOne == 3 { return }
            for child in alive { kill(child, SIGKILL) }
            usleep(1_000)
        }
    }

    /// For the first process of a container: waits for those that others leave to it, for as long as it lives, so that no dead ones
    /// pile up. Its own children are their watcher's.
    package static func reapStrays() {
        let failure = startThread {
            var ended = siginfo_t()
            while true {
                // Leaves it as it is: whose it is comes first.
                let code = waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT)
                if code == 0 { OwnChildren.reapOthers(of: children) }
                // No child at all, or one that its watcher is about to wait for.
                usleep(code == 0 ? 10_000 : 1_000_000)
            }
        }
        precondition(failure == 0, "no thread to wait for strays: \(String(cString: strerror(failure)))")
    }

    /// Of every thread, the dead that nobody has waited for among them. proc(5), /proc/PID/task/TID/children.
    static func children() -> [pid_t] { LaunchRecord.children(of: getpid()) }

    /// Of the first thread: what others leave to this process is left to that one, which lives as long as the process.
    static func leftChildren() -> [pid_t] { LaunchRecord.children(ofThread: "/proc/self/task/\(getpid())") }
}
