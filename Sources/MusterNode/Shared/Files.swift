internal import Glibc
internal import MusterSystem

/// Whole small files: read with a bound, written so that a crash leaves the old or the new, never half.

private func reason() -> String { String(cString: strerror(errno)) }

/// Nil when there is no such file.
package func readWhole(_ path: String, bytesMax: Int) throws(NodeError) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 {
        if errno == ENOENT { return nil }
        throw NodeError(.files, "cannot read \(path): \(reason())")
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw NodeError(.files, "cannot read \(path): \(reason())") }
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
func writeDirectly(_ bytes: [UInt8], to path: String, synced: Bool = false) throws(NodeError) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
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

/// Makes a folder and those above it, 0700, where they are missing.
package func makeDirectory(_ path: String) throws(NodeError) {
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    if errno == ENOENT, let cut = path.lastIndex(of: "/"), cut > path.startIndex {
        try makeDirectory(String(path[..<cut]))
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    }
    throw NodeError(.files, "cannot make the folder \(path): \(reason())")
}

/// A lock on a file that is held as long as this is kept, and at most until the process ends, however it ends.
package final class FileLock: Sendable {
    private let file: Int32

    /// Nil when another process holds it.
    package init?(path: String) throws(NodeError) {
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw NodeError(.files, "cannot open the lock \(path): \(reason())") }
        if flock(file, LOCK_EX | LOCK_NB) != 0 {
            return nil
        }
    }

    deinit { if file >= 0 { unlockAndClose(file) } }
}
