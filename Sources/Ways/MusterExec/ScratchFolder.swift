internal import Glibc
internal import MusterKernels
internal import MusterLog
internal import MusterSystem
internal import Synchronization
internal import TaskFiles

/// Folders of tasks, each for as long as its task runs. One that a task left as it was, as most short commands do, is the next task's:
/// to make and to remove a folder takes a disk longer than such a command.
final class ScratchFolders: Sendable {
    private let folder: String
    /// At most as many as tasks ran at one time.
    private let free = Mutex<[ScratchFolder]>([])

    init(in folder: String) { self.folder = folder }

    deinit { for scratch in free.withLock({ $0 }) { scratch.remove() } }

    /// An empty one that nobody else has. Throws a `TaskFailure` that is this machine's fault.
    func take() throws(TaskFailure) -> ScratchFolder {
        if let scratch = free.withLock({ $0.popLast() }) {
            if scratch.looksAsMade { return scratch }
            scratch.remove()
        }
        return try ScratchFolder(in: folder)
    }

    /// `isOver`: no process of its task can be in it any more.
    func giveBack(_ scratch: ScratchFolder, isOver: Bool) {
        if isOver, scratch.isUntouched { free.withLock { $0.append(scratch) } } else { scratch.remove() }
    }
}

/// A folder of one task's own.
struct ScratchFolder {
    let path: String
    private let look: Look

    /// What changes with whatever is done to a folder, or to what is in it.
    private struct Look: Equatable {
        let numbers: [Int]

        /// Nil: there is none.
        init?(_ path: String) {
            var status = stat()
            guard lstat(path, &status) == 0 else { return nil }
            numbers = [
                Int(truncatingIfNeeded: status.st_dev), Int(truncatingIfNeeded: status.st_ino), Int(status.st_mode),
                Int(status.st_uid), Int(status.st_gid), Int(status.st_nlink), status.st_ctim.tv_sec,
                status.st_ctim.tv_nsec,
            ]
        }
    }

    /// Nobody else's, mode 0700. Throws a `TaskFailure` that is this machine's fault.
    init(in folder: String) throws(TaskFailure) {
        for _ in 0..<100 {
            let number = Self.numbers.add(1, ordering: .relaxed).newValue
            let path = "\(folder)/\(number)"
            if mkdir(path, 0o700) == 0, let look = Look(path) {
                (self.path, self.look) = (path, look)
                return
            }
            // One that could not be removed.
            if errno != EEXIST { break }
        }
        throw TaskFailure("no folder can be made in \(folder): \(String(cString: strerror(errno)))", isOwnFault: true)
    }

    /// As far as the times of its file system tell.
    fileprivate var looksAsMade: Bool { Look(path) == look }

    /// It is as it was made. A file system's clock may stand still for up to two seconds, so that it is looked into as well.
    var isUntouched: Bool {
        guard looksAsMade, let entries = opendir(path) else { return false }
        defer { closedir(entries) }
        while let entry = readdir(entries) {
            let isItself = withUnsafeBytes(of: entry.pointee.d_name) { name in
                name[0] == UInt8(ascii: ".") && (name[1] == 0 || name[1] == UInt8(ascii: ".") && name[2] == 0)
            }
            if !isItself { return false }
        }
        return true
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
