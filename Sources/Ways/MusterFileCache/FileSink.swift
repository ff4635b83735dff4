internal import Glibc
package import MusterAPI
internal import MusterCrypto
internal import Synchronization

/// Where the bytes of a file go as they are fetched: beside the cache's files, with their SHA-256.
package final class FileSink: Sendable {
    private struct State: ~Copyable {
        var file: Int32
        var sha: SHA256?
        var size: UInt64 = 0
    }

    package let digest: FileDigest
    let path: String
    private let state: Mutex<State>

    /// Blocks. Throws a `FileCacheError`.
    init(_ digest: FileDigest, path: String) throws(FileCacheError) {
        (self.digest, self.path) = (digest, path)
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw .system("cannot make \(path)") }
        state = Mutex(State(file: file, sha: SHA256()))
    }

    deinit { state.withLock { _ = close($0.file) } }

    /// Bytes that came so far.
    package var size: UInt64 { state.withLock { $0.size } }

    /// What came is of no use: another source is to be asked from the beginning. Blocks. Throws a `FileCacheError`.
    package func startOver() throws(FileCacheError) {
        let failed = state.withLock { state in
            state.sha = SHA256()
            state.size = 0
            return ftruncate(state.file, 0) != 0
        }
        if failed { throw .system("cannot cut \(path)") }
    }

    /// The next bytes. Blocks. Throws a `FileCacheError`.
    package func write(_ bytes: [UInt8]) throws(FileCacheError) {
        let isWritten = state.withLock { state in
            guard Self.write(bytes, to: state.file, at: state.size) else { return false }
            state.sha?.update(bytes)
            state.size += UInt64(bytes.count)
            return true
        }
        if !isWritten { throw .system("cannot write \(path)") }
    }

    private static func write(_ bytes: [UInt8], to file: Int32, at offset: UInt64) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = pwrite(
                    file, bytes.baseAddress! + written, bytes.count - written, off_t(offset) + off_t(written))
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { return false }
                written += count
            }
            return true
        }
    }

    /// All came: holds it against the name. Throws a `FileCacheError` (`wrongBytes`).
    func finish() throws(FileCacheError) -> UInt64 {
        let size = size
        let sum = FileDigest(bytes: state.withLock { $0.sha.take()?.finish() } ?? [])
        guard sum == digest else {
            throw FileCacheError(.wrongBytes, "the \(size) bytes that came are not \(digest), their SHA-256 is \(sum)")
        }
        return size
    }
}
