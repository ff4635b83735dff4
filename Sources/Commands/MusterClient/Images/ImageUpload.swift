internal import Glibc
package import MusterCommandLine
internal import MusterHTTPClient
internal import MusterRoutes
internal import MusterWire

/// The bytes of an image that is to be stored.
package enum ImageUpload {
    case file(path: String, bytes: UInt64)
    /// Of what is no regular file, and so can be read once only.
    case bytes([UInt8])

    /// Most bytes that are taken from what is no regular file; as much as an origin takes unless told otherwise.
    static let gatheredBytesMax = OriginRoutes.imageBytesMaxDefault

    /// Throws a `CommandError` where it cannot be read. `-` is standard input.
    package init(_ path: String) throws(CommandError) {
        let descriptor = path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(.noInput, "cannot read \(path)", errno: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(.noInput, "cannot read \(path)", errno: errno) }
        if path != "-", status.st_mode & S_IFMT == S_IFREG {
            self = .file(path: path, bytes: UInt64(status.st_size))
            return
        }
        var gathered: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(.noInput, "cannot read \(path)", errno: errno) }
            if count == 0 { break }
            gathered += piece[..<count]
            guard gathered.count <= Self.gatheredBytesMax else {
                throw CommandError(
                    .data, "\(path) has more than \(Self.gatheredBytesMax) bytes; put it into a file first")
            }
        }
        self = .bytes(gathered)
    }

    var count: UInt64 {
        switch self {
        case .file(_, let bytes): bytes
        case .bytes(let bytes): UInt64(bytes.count)
        }
    }

    func apply(to request: inout HTTPClientRequest) {
        switch self {
        case .file(let path, _): request.upload = .file(path: path)
        case .bytes(let bytes): request.body = bytes
        }
    }
}
