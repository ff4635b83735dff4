internal import CSpawn
internal import Glibc
internal import MusterSystem

/// Processes that carry a mark in their environment, whoever started them.
package enum MarkedProcesses {
    /// SIGKILL to all that have a variable which begins with `mark` (`NAME=VALUE…`), or that work below `folder` and have no
    /// terminal, as somebody who looks around there has, until none is found. How many were killed. Those of other users are not seen.
    package static func end(mark: [UInt8], folder: String? = nil) -> Int {
        var killed: Set<pid_t> = []
        for _ in 0..<200 {
            var isOver = true
            for pid in listDirectory("/proc").compactMap({ pid_t($0) }) where pid != getpid() {
                guard isMarked(pid, mark, folder) else { continue }
                isOver = false
                // The descriptor stands for the process, not for the number; it is looked at once more.
                let process = muster_pidfd_open(pid)
                guard process >= 0 else { continue }
                if isMarked(pid, mark, folder) {
                    _ = muster_pidfd_send_signal(process, SIGKILL)
                    killed.insert(pid)
                }
                close(process)
            }
            if isOver { break }
            usleep(2_000)
        }
        return killed.count
    }

    private static func isMarked(_ pid: pid_t, _ mark: [UInt8], _ folder: String?) -> Bool {
        let variables = LaunchRecord.read("/proc/\(pid)/environ")?.split(separator: 0) ?? []
        if variables.contains(where: { $0.starts(with: mark) }) { return true }
        guard let folder, !LaunchRecord.hasTerminal(pid) else { return false }
        var room = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = room.withUnsafeMutableBytes { buffer in
            readlink("/proc/\(pid)/cwd", buffer.baseAddress!.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        return count > 0 && room[..<count].starts(with: Array((folder + "/").utf8))
    }
}
