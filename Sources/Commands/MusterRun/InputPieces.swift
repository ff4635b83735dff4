internal import Glibc
internal import MusterCommandLine

/// What a file or standard input (`-`) holds, piece by piece.
enum InputPieces {
    static func name(of path: String) -> String { path == "-" ? "standard input" : path }

    /// Blocks the thread. Throws a `CommandError` where it cannot be read.
    static func read(_ path: String, _ body: (ArraySlice<UInt8>) throws -> Void) throws {
        let file = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw CommandError.system(.noInput, "cannot read \(name(of: path))", errno: errno) }
        defer { if path != "-" { close(file) } }
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = piece.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
            if count > 0 {
                try body(piece[..<count])
            } else if count == 0 {
                return
            } else if errno == EAGAIN {
                var ready = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
                poll(&ready, 1, -1)
            } else if errno != EINTR {
                throw CommandError.system(
                    errno == EISDIR ? .noInput : .inputOutput, "reading \(name(of: path)) failed", errno: errno)
            }
        }
    }
}
