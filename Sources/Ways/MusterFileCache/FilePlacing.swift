internal import Glibc

/// Puts a cached file where a task wants it.
enum FilePlacing {
    private static let pieceBytes = 1 << 20

    /// False where the cache has let go of it meanwhile. Throws a `FileCacheError`.
    static func place(_ cached: String, at path: String, isExecutable: Bool) throws(FileCacheError) -> Bool {
        // Who may run is a property of the file, not of its name: a link would change it for all.
        if isExecutable { return try copy(cached, to: path, mode: 0o555) }
        if link(cached, path) == 0 { return true }
        switch errno {
        case ENOENT where access(cached, F_OK) != 0: return false
        // Another file system, one without links, or too many of them.
        case EXDEV, EPERM, EMLINK, ENOTSUP, ENOSYS: return try copy(cached, to: path, mode: 0o444)
        default: throw .system("cannot link \(path)")
        }
    }

    /// Nothing of it stays where it fails.
    private static func copy(_ cached: String, to path: String, mode: mode_t) throws(FileCacheError) -> Bool {
        let source = open(cached, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard source >= 0 else {
            if errno == ENOENT { return false }
            throw .system("cannot open \(cached)")
        }
        defer { close(source) }
        let target = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard target >= 0 else { throw .system("cannot make \(path)") }
        defer { close(target) }
        guard write(source, to: target), fchmod(target, mode) == 0 else {
            let failure = FileCacheError.system("cannot write \(path)")
            unlink(path)
            throw failure
        }
        return true
    }

    private static func write(_ source: Int32, to target: Int32) -> Bool {
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        while true {
            let count = read(source, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return count == 0 }
            var written = 0
            while written < count {
                let more = piece.withUnsafeBytes { Glibc.write(target, $0.baseAddress! + written, count - written) }
                if more < 0 && errno == EINTR { continue }
                if more <= 0 { return false }
                written += more
            }
        }
    }
}
