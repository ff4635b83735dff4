internal import Glibc
internal import MusterAPI
internal import MusterCrypto
internal import Synchronization

/// A set of small files on its way in: all are put in place at its end, or none.
///
/// `@unchecked Sendable`: its one handler awaits each call before it makes the next.
final class FileSetUpload: @unchecked Sendable {
    /// So few are forced to the disk one by one; more at once, with whatever else there is.
    private static let singlySyncedMax = 8

    private struct Part {
        var digest: FileDigest
        var size: UInt64
        var path: String
    }

    private let store: FileStore
    private var parts: [Part] = []
    private(set) var digests: Set<FileDigest> = []
    /// Not given back yet.
    private var reserved: UInt64 = 0
    private(set) var known = 0

    init(_ store: FileStore) { self.store = store }

    deinit { discard() }

    /// What is not in place goes.
    func discard() {
        for part in parts { unlink(part.path) }
        parts = []
        store.books.release(reserved)
        reserved = 0
    }

    /// Blocks. Throws a `DiskFailure`, or a `Problem`: 422 for bytes that are not what their name says, 507 without room.
    func add(_ digest: FileDigest, _ bytes: [UInt8]) throws {
        let found = FileDigest(bytes: SHA256.digest(of: bytes))
        guard found == digest else { throw FileUpload.wrong(digest, found) }
        guard digests.insert(digest).inserted else { return }
        if store.touch(digest) != nil {
            known += 1
            return
        }
        try store.books.reserve(UInt64(bytes.count))
        reserved += UInt64(bytes.count)
        let part = Part(digest: digest, size: UInt64(bytes.count), path: store.comingPath())
        parts.append(part)
        let file = open(part.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw DiskFailure("cannot make \(part.path)") }
        defer { close(file) }
        try bytes.withUnsafeBytes { try writeAll($0, to: file, at: 0, part.path) }
    }

    /// All are durable when it returns; how many are new. Blocks. Throws a `DiskFailure` or a `Problem`, after which some may be in
    /// place: they are what they are called, and kept no longer than others that nobody asks for.
    func put() throws -> StoredFiles {
        let coming = parts
        let isMany = coming.count > Self.singlySyncedMax
        if isMany {
            try store.folder.syncAll()
        } else {
            for part in coming { try Self.sync(part.path) }
        }
        var stored = 0
        while let part = parts.last {
            let isNew = try store.install(part.digest, from: part.path, size: part.size) {
                reserved -= part.size
                return part.size
            }
            if isNew { stored += 1 } else { unlink(part.path) }
            parts.removeLast()
        }
        if isMany {
            try store.folder.syncAll()
        } else {
            for digest in Set(coming.map(\.digest)) { try store.folder.sync(digest) }
        }
        discard()
        return StoredFiles(stored: stored, known: known + coming.count - stored)
    }

    private static func sync(_ path: String) throws(DiskFailure) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw DiskFailure("cannot open \(path)") }
        defer { close(file) }
        guard fsync(file) == 0 else { throw DiskFailure("cannot sync \(path)") }
    }
}
