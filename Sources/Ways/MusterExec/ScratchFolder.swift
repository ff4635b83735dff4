internal import Glibc
internal import MusterKernels
internal import MusterLog
internal import MusterSystem
internal import Synchronization

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

    private static let numbers = Atomic(0)

    func remove() {
        guard !removeTree(path) else { return }
        Log.warning("a task's folder cannot be removed; it is tried again at the next start", ["folder": path])
    }
}
