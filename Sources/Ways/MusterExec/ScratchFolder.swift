internal import Glibc
internal import MusterKernels
internal import MusterLog
internal import MusterSystem
internal import Synchronization
internal import TaskFiles

/// A folder of one task's own, for as long as that runs.
struct ScratchFolder {
    let path: String

    /// Nobody else's, mode 0700. Throws a `TaskFailure` that is this machine's fault.
    init(in folder: String) throws(TaskFailure) {
        for _ in 0..<100 {
            let number = Self.numbers.add(1, ordering: .relaxed).newValue
            let path = "\(folder)/\(number)"
            if mkdir(path, 0o700) == 0 {
                self.path = path
                return
            }
            // One that could not be removed.
            if errno != EEXIST { break }
        }
        throw TaskFailure("no folder can be made in \(folder): \(String(cString: strerror(errno)))", isOwnFault: true)
    }

    /// A folder in it, made with those on the way; no link is followed. Throws a `TaskFailure`.
    func folder(_ inner: InnerPath) throws(TaskFailure) -> String {
        var path = path
        for part in inner.parts {
            guard let name = String(validating: part, as: UTF8.self) else {
                throw TaskFailure("--workdir \(inner): its name is not UTF-8")
            }
            path += "/" + name
            var status = stat()
            guard mkdir(path, 0o777) == 0 || errno == EEXIST, lstat(path, &status) == 0 else {
                throw TaskFailure("--workdir \(inner) cannot be made: \(String(cString: strerror(errno)))")
            }
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw TaskFailure("--workdir \(inner): \(shownPath(part)) is a file or a link, and no folder")
            }
        }
        return path
    }

    private static let numbers = Atomic(0)

    func remove() {
        guard !removeTree(path) else { return }
        Log.warning("a task's folder cannot be removed; it is tried again at the next start", ["folder": path])
    }
}
