internal import Glibc

extension Settings {
    /// Reads a file of settings, which may be a pipe. Throws a `CommandError`: 66 where it cannot be read, 78 where it is wrong.
    package static func read(_ path: String) throws(CommandError) -> Settings {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .system(.noInput, "cannot read the settings in \(path)", errno: errno) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else {
            throw .system(.noInput, "cannot read the settings in \(path)", errno: errno)
        }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(file, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(.noInput, "cannot read the settings in \(path)", errno: errno) }
            if count == 0 { break }
            bytes += piece.prefix(count)
            guard bytes.count <= bytesMax else {
                throw CommandError(
                    .configuration, "\(path) has more than \(bytesMax) bytes: no file of settings is that long")
            }
        }
        // Who is of the group, the file's owner decided.
        let exposure = status.st_mode & 0o027 == 0 ? nil : "has the mode 0\(String(status.st_mode & 0o777, radix: 8))"
        return try Settings(path: path, bytes: bytes, exposure: exposure)
    }
}
