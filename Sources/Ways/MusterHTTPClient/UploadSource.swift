internal import Glibc

/// Where a request's body is read from, on the client's thread.
protocol UploadSource: AnyObject {
    /// Bytes in all. Nil: unknown, sent chunked.
    var length: Int? { get }
    func read(into room: UnsafeMutableRawBufferPointer) -> UploadPortion
    /// Begins again at a byte, when libcurl must send the request anew. False: cannot.
    func rewind(to offset: Int) -> Bool
    /// No more is read.
    func close()
}

enum UploadPortion {
    case bytes(Int)
    case end
    /// Nothing yet; the transfer is resumed when there is.
    case pause
    case failed(String)
}

extension HTTPClientUpload {
    func open(for transfer: Transfer) throws(HTTPClientError) -> any UploadSource {
        switch self {
        case .file(let path): try FileUpload(path, for: transfer)
        case .stream(let length, let next): ProducedUpload(length: length, next: next)
        }
    }
}

final class BytesUpload: UploadSource {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var length: Int? { bytes.count }

    func read(into room: UnsafeMutableRawBufferPointer) -> UploadPortion {
        let count = min(room.count, bytes.count - offset)
        guard count > 0 else { return .end }
        bytes.withUnsafeBytes { room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count])) }
        offset += count
        return .bytes(count)
    }

    func rewind(to offset: Int) -> Bool {
        self.offset = offset
        return (0...bytes.count).contains(offset)
    }

    func close() {}
}

/// Reads on the client's thread: a disk that stalls holds up the client's other transfers for as long.
final class FileUpload: UploadSource {
    private var descriptor: CInt
    private let size: Int
    private var offset = 0
    private let path: String

    init(_ path: String, for transfer: Transfer) throws(HTTPClientError) {
        // Non-blocking, or opening a pipe would wait for its writer.
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        self.path = path
        guard descriptor >= 0 else {
            let why = String(cString: strerror(errno))
            throw transfer.error(.other, "cannot read the file to send, \(path): \(why)", isRetryable: false)
        }
        var status = stat()
        fstat(descriptor, &status)
        size = Int(status.st_size)
        guard status.st_mode & S_IFMT == S_IFREG else {
            Glibc.close(descriptor)
            descriptor = -1
            throw transfer.error(.other, "the file to send, \(path), is not a regular file", isRetryable: false)
        }
    }

    deinit { close() }

    var length: Int? { size }

    func read(into room: UnsafeMutableRawBufferPointer) -> UploadPortion {
        let wanted = min(room.count, size - offset)
        guard wanted > 0 else { return .end }
        var count = pread(descriptor, room.baseAddress, wanted, off_t(offset))
        while count < 0 && errno == EINTR { count = pread(descriptor, room.baseAddress, wanted, off_t(offset)) }
        if count < 0 { return .failed("reading \(path) failed: \(String(cString: strerror(errno)))") }
        if count == 0 { return .failed("\(path) shrank from \(size) to \(offset) bytes while it was sent") }
        offset += count
        return .bytes(count)
    }

    func rewind(to offset: Int) -> Bool {
        self.offset = offset
        return (0...size).contains(offset)
    }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }
}
