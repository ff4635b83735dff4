internal import Glibc
internal import MusterSystem

/// Whole small files: read with a bound, written so that a crash leaves the old or the new, never half.

private func reason() -> String { String(cString: strerror(errno)) }

/// Nil when there is no such file.
package func readWhole(_ path: String, bytesMax: Int) throws(NodeError) -> [UInt8]? {
    try read(path, bytesMax: bytesMax, flags: 0) { _ in nil }
}

/// Reads what proves something: a token, a key. Nil when there is no such file. Throws for one that others may read or that another
/// user wrote, naming its mode or its owner. `isOurs`: it lies in a folder of this process's own, where a symbolic link is none of
/// its making; else somebody named it, and may have named a link.
package func readSecret(_ path: String, bytesMax: Int, isOurs: Bool = true) throws(NodeError) -> [UInt8]? {
    try read(path, bytesMax: bytesMax, flags: isOurs ? O_NOFOLLOW : 0) { status in
        let group =
            status.st_mode & 0o070 != 0 && !(isOurs ? handsGroupOn(folder(of: path)) : status.st_mode & 0o020 == 0)
        if status.st_mode & S_IFMT != S_IFREG { return "is no file" }
        if status.st_mode & 0o007 != 0 || group {
            return "has the mode 0\(String(status.st_mode & 0o777, radix: 8)), so that others may use it: chmod 600"
        }
        // Who is root reads what any user keeps.
        guard [geteuid(), 0].contains(status.st_uid) || geteuid() == 0 else {
            return "belongs to user \(status.st_uid)"
        }
        return nil
    }
}

private func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
}

/// As Kubernetes leaves the folders of an `fsGroup`: that group is the pod's own.
private func handsGroupOn(_ folder: String) -> Bool {
    var status = stat()
    return stat(folder, &status) == 0 && status.st_mode & S_ISGID != 0
}

/// `objection`: why a file is not to be read.
private func read(
    _ path: String, bytesMax: Int, flags: Int32, objection: (stat) -> String?
) throws(NodeError) -> [UInt8]? {
    // A pipe that nobody writes to is no reason to wait.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags)
    if file < 0 {
        if errno == ENOENT { return nil }
        let why = errno == ELOOP && flags & O_NOFOLLOW != 0 ? "it is a symbolic link, which is not followed" : reason()
        throw NodeError(.files, "cannot read \(path): \(why)")
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw NodeError(.files, "cannot read \(path): \(reason())") }
    if let objection = objection(status) { throw NodeError(.files, "\(path) \(objection)") }
    guard status.st_size <= bytesMax else {
        throw NodeError(.files, "\(path) has \(status.st_size) bytes; at most \(bytesMax) are expected")
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var filled = 0
    while filled < bytes.count {
        let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress! + filled, $0.count - filled) }
        if count < 0 && errno == EINTR { continue }
        if count < 0 { throw NodeError(.files, "cannot read \(path): \(reason())") }
        if count == 0 { break }
        filled += count
    }
    return Array(bytes.prefix(filled))
}

/// Writes beside, then renames over. Mode 0600.
package func writePrivately(_ text: String, to path: String) throws(NodeError) {
    try writeWhole(Array(text.utf8), to: path)
}

/// Writes beside, then gives it the name, unless another process was faster: its file stays. Mode 0600.
package func writePrivatelyOnce(_ text: String, to path: String) throws(NodeError) {
    let beside = "\(path).\(getpid()).part"
    defer { unlink(beside) }
    try writeDirectly(Array(text.utf8), to: beside, synced: true)
    guard link(beside, path) == 0 || errno == EEXIST else {
        throw NodeError(.files, "cannot write \(path): \(reason())")
    }
}

/// Writes beside, forces it to the disk, then renames over. Mode 0600.
package func writeWhole(_ bytes: [UInt8], to path: String) throws(NodeError) {
    let beside = "\(path).\(getpid()).part"
    do throws(NodeError) {
        try writeDirectly(bytes, to: beside, synced: true)
        guard rename(beside, path) == 0 else { throw NodeError(.files, "cannot write \(path): \(reason())") }
    } catch {
        unlink(beside)
        throw error
    }
}

/// Writes in place: a crash may leave a part. Mode 0600.
package func writeDirectly(_ bytes: [UInt8], to path: String, synced: Bool = false) throws(NodeError) {
    // Nobody's link leads a write elsewhere.
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw NodeError(.files, "cannot write \(path): \(reason())") }
    defer { close(file) }
    var written = 0
    while written < bytes.count {
        let count = bytes.withUnsafeBytes { write(file, $0.baseAddress! + written, $0.count - written) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw NodeError(.files, "cannot write \(path): \(reason())") }
        written += count
    }
    guard !synced || fsync(file) == 0 else { throw NodeError(.files, "cannot write \(path): \(reason())") }
}

/// Makes a folder and those above it where they are missing; `mode` as far as the user's mask lets.
package func makeDirectory(_ path: String, mode: UInt32 = 0o700) throws(NodeError) {
    if mkdir(path, mode) == 0 || errno == EEXIST { return }
    if errno == ENOENT, let cut = path.lastIndex(of: "/"), cut > path.startIndex {
        try makeDirectory(String(path[..<cut]), mode: mode)
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
    }
    throw NodeError(.files, "cannot make the folder \(path): \(reason())")
}

/// Makes a role's own folder, and those above it, where they are missing. Throws for one that another user made, or may write to:
/// what lies there may be anybody's.
package func makeOwnDirectory(_ path: String) throws(NodeError) {
    try makeDirectory(path)
    var (link, target) = (stat(), stat())
    guard lstat(path, &link) == 0, stat(path, &target) == 0 else {
        throw NodeError(.files, "cannot look at the folder \(path): \(reason())")
    }
    guard target.st_mode & S_IFMT == S_IFDIR else { throw NodeError(.files, "\(path) is no folder") }
    let owners: Set = [geteuid(), 0]
    // Root keeps data for others, in containers for instance.
    if geteuid() != 0, let stranger = [link.st_uid, target.st_uid].first(where: { !owners.contains($0) }) {
        throw NodeError(.files, "the folder \(path) belongs to user \(stranger), not to this one; give --data another")
    }
    guard target.st_mode & 0o002 == 0 else {
        let mode = String(target.st_mode & 0o7777, radix: 8)
        throw NodeError(.files, "the folder \(path) has the mode 0\(mode), so that others may write to it: chmod 700")
    }
}

/// A lock on a file that is held as long as this is kept, and at most until the process ends, however it ends.
package final class FileLock: Sendable {
    private let file: Int32

    /// Nil when another process holds it.
    package init?(path: String) throws(NodeError) {
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw NodeError(.files, "cannot open the lock \(path): \(reason())") }
        if flock(file, LOCK_EX | LOCK_NB) != 0 {
            return nil
        }
    }

    deinit { if file >= 0 { unlockAndClose(file) } }
}
