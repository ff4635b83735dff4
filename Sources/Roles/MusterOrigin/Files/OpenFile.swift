internal import Glibc
internal import MusterAPI
internal import MusterCrypto
internal import MusterHTTP
internal import Synchronization

/// One of an origin's files, open for reading. It may be dropped meanwhile.
final class OpenFile: Sendable {
    /// Up to this size a file is read whole, and held against its name, each time.
    static let memoryBytesMax: UInt64 = 64 << 10

    let size: UInt64
    private let file: Int32
    private let bytes = Mutex<[UInt8]?>(nil)

    init(_ file: Int32, size: UInt64) { (self.file, self.size) = (file, size) }

    deinit { close(file) }

    /// Into memory; the digest of what was there. Blocks. Throws a `DiskFailure`.
    func load() throws(DiskFailure) -> FileDigest {
        let read = try readAll(file, at: 0, count: Int(size), "a file")
        bytes.withLock { $0 = read }
        return FileDigest(bytes: SHA256.digest(of: read))
    }

    /// Blocks. Throws a `DiskFailure`.
    func sha256() throws(DiskFailure) -> FileDigest {
        let sha = SHA256()
        var offset: UInt64 = 0
        while offset < size {
            let piece = try readAll(file, at: offset, count: Int(min(1 << 20, size - offset)), "a file")
            if piece.isEmpty { break }
            sha.update(piece)
            offset += UInt64(piece.count)
        }
        return FileDigest(bytes: sha.finish())
    }

    /// Some of its bytes as a body. The range lies inside.
    func body(_ range: Range<UInt64>) -> HTTPResponse.Body {
        if let bytes = bytes.withLock({ $0 }) {
            return .bytes(Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
        }
        return .file(FileBody(descriptor: file, offset: range.lowerBound, count: UInt64(range.count), owner: self))
    }

    /// All of a small one. Blocks. Throws a `DiskFailure`.
    func whole() throws(DiskFailure) -> [UInt8] {
        if let bytes = bytes.withLock({ $0 }) { return bytes }
        return try readAll(file, at: 0, count: Int(size), "a file")
    }
}
