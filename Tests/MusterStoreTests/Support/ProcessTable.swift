import FoundationEssentials
import Glibc

/// What runs on this machine, as `/proc` tells it.
enum ProcessTable {
    static func children(of parent: pid_t) -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { fields($0)?.parent == parent }
    }

    /// False for one that has ended, whether or not somebody has asked how: a container's first process may never do.
    static func isRunning(_ process: pid_t) -> Bool { fields(process).map { !["Z", "X"].contains($0.state) } ?? false }

    static func isStopped(_ process: pid_t) -> Bool { fields(process)?.state == "T" }

    /// Behind the name, which may have brackets and blanks in it (proc(5)).
    private static func fields(_ process: pid_t) -> (state: String, parent: pid_t)? {
        guard let bytes = try? Data(contentsOf: URL(filePath: "/proc/\(process)/stat")) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let name = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 1, let parent = pid_t(fields[1]) else { return nil }
        return (String(fields[0]), parent)
    }
}
