internal import Glibc
package import MusterAPI
internal import MusterSystem

/// Where the bytes of a file go as they are fetched: beside the cache's files, with their SHA-256.
package final class FileSink: Sendable {
    private struct State {
        var size: UInt64 = 0
        var sum = DigestBeside()
    }

    package let digest: FileDigest
    let path: String
    private let file: Int32
    private let state = Monitor(State())

    /// Blocks. Throws a `FileCacheError`.
    init(_ digest: FileDigest, path: String) throws(FileCacheError) {
        (self.digest, self.path) = (digest, path)
        file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw .system("cannot make \(path)") }
    }

    deinit { close(file) }

    /// Bytes that came so far.
    package var size: UInt64 { state.change(waking: .none) { $0.size } }

    /// What came is of no use: another source is to be asked from the beginning. Blocks. Throws a `FileCacheError`.
    package func startOver() throws(FileCacheError) {
        let failed = state.change(waking: .none) { state in
            state = State()
            return ftruncate(file, 0) != 0
        }
        if failed { throw .system("cannot cut \(path)") }
    }

    /// The next bytes; large pieces cost least. Blocks. Throws a `FileCacheError`.
    package func write(_ bytes: [UInt8]) throws(FileCacheError) {
        var bytes = bytes
        try write(&bytes)
    }

    /// The same; keeps them while they are digested, and leaves an array that is free to be filled.
    package func write(_ bytes: inout [UInt8]) throws(FileCacheError) {
        let outcome = state.change(waking: .none) { state in
            Result { () throws(FileCacheError) in
                guard write(bytes, at: state.size) else { throw .system("cannot write \(path)") }
                state.size += UInt64(bytes.count)
                try state.sum.add(&bytes)
            }
        }
        try outcome.get()
    }

    private func write(_ bytes: [UInt8], at offset: UInt64) -> Bool {
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

    /// All came: holds it against the name. Blocks. Throws a `FileCacheError` (`wrongBytes`).
    func finish() throws(FileCacheError) -> UInt64 {
        let (size, sum) = state.change(waking: .none) { ($0.size, FileDigest(bytes: $0.sum.finish())) }
        guard sum == digest else {
            throw FileCacheError(.wrongBytes, "the \(size) bytes that came are not \(digest), their SHA-256 is \(sum)")
        }
        return size
    }
}
