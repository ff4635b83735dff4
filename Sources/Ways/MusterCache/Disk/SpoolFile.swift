internal import Glibc
internal import MusterCrypto

/// A body that is too large for memory, written to its file while it comes in, and read from it meanwhile.
///
/// `@unchecked Sendable`: one writer at a time, which waits for each piece; readers use `descriptor` up to what the writer has told
/// them, under a lock of theirs, that it wrote.
package final class SpoolFile: @unchecked Sendable {
    package let descriptor: Int32
    let serial: UInt64
    private let folder: CacheFolder
    private var digest: SHA256? = SHA256()
    /// Bytes so far.
    package private(set) var count = 0
    private var isKept = false

    init(_ folder: CacheFolder, serial: UInt64) throws(CacheError) {
        (self.folder, self.serial) = (folder, serial)
        let path = folder.partPath(serial)
        descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CacheFolder.failure(.unwritable, "write", path) }
    }

    deinit {
        if !isKept { unlink(folder.partPath(serial)) }
        close(descriptor)
    }

    /// Blocks while the disk does.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(CacheError) {
        try CacheFolder.append(bytes, to: descriptor, folder.partPath(serial))
        digest?.update(bytes)
        count += bytes.count
    }

    /// The whole body, under its name; nothing is appended any more.
    package func finish() throws(CacheError) -> StoredBody {
        guard let sum = digest.take()?.finish() else { throw CacheError(.unwritable, "the body is finished already") }
        let path = folder.bodyPath(serial)
        guard rename(folder.partPath(serial), path) == 0 else {
            throw CacheFolder.failure(.unwritable, "write", path)
        }
        isKept = true
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        let file = copy >= 0 ? OpenFile(taking: copy) : nil
        return StoredBody(count: count, digest: sum, serial: serial, memory: nil, isWritten: true, file: file)
    }
}
