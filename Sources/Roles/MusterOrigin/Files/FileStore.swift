internal import Glibc
internal import MusterAPI
internal import MusterCore
internal import MusterCrypto
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// An origin's files, by their SHA-256: a folder, an index of it in memory, and how long each is kept.
///
/// What changes the folder (a file put in place, one that is dropped) happens under `changing`, so that nothing is dropped that just
/// came again. Readers need the index only.
final class FileStore: Sendable {
    struct Figures: Sendable {
        var files: Int
        var bytes: UInt64
        var puts: Int
        var drops: Int
    }

    /// Who dropped a file, for the log.
    enum Why: String { case unneeded, deleted, damaged }

    let folder: FileFolder
    let books: FileBooks
    /// So long a file is kept that just came, or was just asked for by who would have sent it; and at least after a start.
    let grace: Duration
    private let lock: Mutex<FileLock?>
    private let changing = Mutex(())
    private let checking = Mutex(())
    private let numbers = Atomic<UInt64>(0)
    private let puts = Atomic(0)
    private let drops = Atomic(0)

    /// Takes the folder for itself and reads what there is. Blocks. Throws a `NodeError`.
    init(
        path: String, bytesMax: UInt64, fileBytesMax: UInt64 = .max,
        grace: Duration = .seconds(KeepFiles.secondsDefault)
    ) throws(NodeError) {
        folder = FileFolder(path: path)
        (books, self.grace) = (FileBooks(bytesMax: bytesMax, fileBytesMax: fileBytesMax), grace)
        try folder.prepare()
        guard let lock = try FileLock(path: folder.lockPath) else {
            throw NodeError(
                .unavailable, "another origin works on \(path); end it, or give this one another --files directory")
        }
        self.lock = Mutex(lock)
        folder.clear()
        let (now, seconds) = (SystemTime.now(), SystemTime.wallClockMs() / 1_000)
        for file in folder.scan() {
            let asked = Duration.seconds(min(file.until - seconds, Int64(KeepFiles.secondsMax)))
            let until = now + max(asked, grace)
            _ = books.change { $0.put(file.digest, size: file.size, until: until, isChecked: false) }
        }
    }

    /// Lets go of the folder. To be called last.
    func close() { lock.withLock { $0 = nil } }

    subscript(digest: FileDigest) -> FileIndex.Entry? { books[digest] }

    var figures: Figures {
        let (files, bytes) = books.change { ($0.count, $0.stored) }
        return Figures(
            files: files, bytes: bytes, puts: puts.load(ordering: .relaxed), drops: drops.load(ordering: .relaxed))
    }

    // MARK: Keeping

    /// It would have been sent: it is here, and as good as new.
    func touch(_ digest: FileDigest) -> FileStatus? {
        let until = SystemTime.now() + grace
        return books.change { index in
            index.keep(digest, until: until) ? index[digest]?.size : nil
        }.map { status(digest, size: $0) }
    }

    func status(_ digest: FileDigest, size: UInt64) -> FileStatus {
        FileStatus(digest: digest, size: size, keptSeconds: Int(grace.inSeconds))
    }

    /// Those that are not here, each once.
    func missing(_ digests: [FileDigest]) -> [FileDigest] {
        var seen: Set<FileDigest> = []
        return books.change { index in digests.filter { index[$0] == nil && seen.insert($0).inserted } }
    }

    /// Keeps those that are here for so long from now on; over restarts, too, where that is longer than what all have then. Blocks.
    func keep(_ digests: [FileDigest], seconds: Int) -> KeptFiles {
        let digests = Set(digests)
        let until = SystemTime.now() + .seconds(seconds)
        let (kept, longest) = books.change { index in
            let kept = digests.filter { index.keep($0, until: until) }
            return (kept, kept.filter { index[$0]?.until == until })
        }
        // What somebody asked for before, and is longer, is remembered already.
        if .seconds(seconds) > grace {
            let end = SystemTime.wallClockMs() / 1_000 + Int64(seconds)
            for digest in longest { folder.remember(digest, until: end) }
        }
        return KeptFiles(kept: kept.count, missing: Array(digests.subtracting(kept)))
    }

    /// Drops what nobody keeps any more, some of it; how many. Blocks.
    func sweep(_ now: Moment) -> Int {
        let overdue = books.change { $0.overdue(now, limit: 10_000) }
        return overdue.count { drop($0, .unneeded) { $0.until <= now } }
    }

    /// Whether it was there. Blocks.
    @discardableResult
    func drop(_ digest: FileDigest, _ why: Why, if allows: (FileIndex.Entry) -> Bool = { _ in true }) -> Bool {
        let isDropped = changing.withLock { _ in
            let isThere = books.change { index in
                guard let entry = index[digest], allows(entry) else { return false }
                index.remove(digest)
                return true
            }
            guard isThere else { return false }
            do throws(DiskFailure) { try folder.remove(digest) } catch {
                Log.error("a file could not be removed", ["reason": error.description])
            }
            return true
        }
        guard isDropped else { return false }
        drops.add(1, ordering: .relaxed)
        if why == .damaged {
            Log.error(
                "a file's bytes are not what its name says; it was removed, and may be sent again",
                ["sha256": "\(digest)"])
        }
        return true
    }

    // MARK: Coming in; all block

    /// Bytes of a file that nobody can go on with. Throws a `DiskFailure` or a `Problem`.
    func begin(_ digest: FileDigest, length: UInt64?) throws -> FileUpload {
        try FileUpload(digest, path: comingPath(), length: length, books)
    }

    func comingPath() -> String { folder.comingPath(numbers.add(1, ordering: .relaxed).newValue) }

    /// Durable when it returns; whether it is new. Throws a `DiskFailure`, a `Problem` (422, 507), or `Superseded`; then nothing has
    /// changed, and the upload is the caller's to discard.
    func put(_ upload: FileUpload, turn: Int) throws -> Bool {
        try upload.finish(turn: turn)
        let isNew: Bool
        do {
            isNew = try install(upload.digest, from: upload.path, size: upload.size, inPlace: { upload.isInPlace() })
        } catch {
            upload.unseal()
            throw error
        }
        guard isNew else {
            upload.discard()
            return false
        }
        try folder.sync(upload.digest)
        return true
    }

    /// False where it is here already. `inPlace`: called once it is; how much of what was reserved was for it.
    func install(_ digest: FileDigest, from path: String, size: UInt64, inPlace: () -> UInt64) throws -> Bool {
        let until = SystemTime.now() + grace
        return try changing.withLock { _ in
            if books.change({ $0.keep(digest, until: until) }) { return false }
            guard books.change({ $0.count }) < FileIndex.filesMax else {
                throw Problem(
                    507, "There are \(FileIndex.filesMax) files already.", code: "size", retryAfter: 60, limit: .files)
            }
            try folder.install(path, as: digest)
            let reserved = inPlace()
            books.change { index in
                index.release(reserved)
                _ = index.put(digest, size: size, until: until, isChecked: true)
            }
            puts.add(1, ordering: .relaxed)
            return true
        }
    }

    // MARK: Going out; all block

    /// Nil: it is not here. Small ones are held against their name each time; large ones once since the process began, as they
    /// were when they came in: whoever gets one does the same. Throws a `DiskFailure`.
    func open(_ digest: FileDigest) throws(DiskFailure) -> OpenFile? {
        guard let entry = self[digest] else { return nil }
        let opened: (file: Int32, size: UInt64)
        do throws(DiskFailure) { opened = try folder.open(digest) } catch {
            guard error.code == ENOENT || error.code == ELOOP else { throw error }
            drop(digest, .damaged)
            return nil
        }
        let file = OpenFile(opened.file, size: entry.size)
        guard opened.size == entry.size, try isWhole(file, digest, entry) else {
            drop(digest, .damaged)
            return nil
        }
        return file
    }

    private func isWhole(_ file: OpenFile, _ digest: FileDigest, _ entry: FileIndex.Entry) throws(DiskFailure) -> Bool {
        if entry.size <= OpenFile.memoryBytesMax { return try file.load() == digest }
        if entry.isChecked { return true }
        var failure: DiskFailure?
        let isWhole = checking.withLock { _ in
            // Somebody may have done it meanwhile.
            if self[digest]?.isChecked == true { return true }
            do throws(DiskFailure) { return try file.sha256() == digest } catch { failure = error }
            return false
        }
        if let failure { throw failure }
        if isWhole { books.change { $0.isChecked(digest) } }
        return isWhole
    }
}
