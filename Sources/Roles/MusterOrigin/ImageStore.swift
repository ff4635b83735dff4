internal import Glibc
internal import MusterAPI
internal import MusterLog
internal import MusterRole
internal import MusterWire
internal import Synchronization

/// An origin's images: files, an index of them in memory, and the order of their changes.
///
/// Two locks. `changing` is held through a change, disk included: changes happen one after the other, in the order of
/// their versions. `index` is held briefly, and is all that readers need; what it says is on disk already.
final class ImageStore: Sendable {
    /// Images at one time.
    static let imagesMax = 1_000_000

    /// One image as the index has it.
    struct Entry: Sendable {
        var record: ImageRecord
        /// The file is no whole image; `record` then holds only its id.
        var isDamaged = false
    }

    private struct Index {
        var entries: [ImageID: Entry] = [:]
        /// Ascending.
        var ids: [ImageID] = []
        var history: ChangeHistory
        var bytes: UInt64 = 0
        var puts = 0
        var deletes = 0
    }

    struct Figures: Sendable {
        var images: Int
        var bytes: UInt64
        var version: UInt64
        var puts: Int
        var deletes: Int
    }

    let folder: ImageFolder
    let originName: String
    /// Nothing was ever stored here.
    let isFresh: Bool
    private let lock: Mutex<FileLock?>
    private let changing: Mutex<OriginJournal>
    private let index: Mutex<Index>
    private let uploads = Atomic<UInt64>(0)
    /// Called at each change, in the order of versions, under the index's lock: it only queues.
    private let onChange: @Sendable (ImageChange) -> Void

    /// Takes the folder for itself and reads what there is. Blocks. Throws a `NodeError`.
    init(path: String, onChange: @escaping @Sendable (ImageChange) -> Void) throws(NodeError) {
        let folder = ImageFolder(path: path)
        try makeDirectory(folder.ownPath)
        guard let lock = try FileLock(path: folder.lockPath) else {
            throw NodeError(
                .unavailable, "another origin works on \(path); end it, or give this one another --images directory")
        }
        do throws(DiskFailure) {
            let journal = try OriginJournal(path: folder.journalPath)
            let found = try Self.finishDeletions(folder.scan(), journal.tombstones, folder)
            let index = Self.index(of: found, journal)
            journal.skip(to: index.history.version)
            isFresh = found.isEmpty && journal.tombstones.isEmpty
            originName = journal.originName
            self.index = Mutex(index)
            changing = Mutex(journal)
        } catch {
            throw NodeError(.files, error.description)
        }
        (self.folder, self.onChange) = (folder, onChange)
        self.lock = Mutex(lock)
    }

    /// A deletion is remembered before it is done: what a crash left of it is done now.
    private static func finishDeletions(
        _ found: [ImageFolder.Found], _ tombstones: [ChangeHistory.Entry], _ folder: ImageFolder
    ) throws(DiskFailure) -> [ImageFolder.Found] {
        let deleted = Dictionary(tombstones.map { ($0.id, $0.version) }, uniquingKeysWith: max)
        var kept: [ImageFolder.Found] = []
        for image in found {
            guard let record = image.record, let deletion = deleted[image.id], deletion > record.version else {
                kept.append(image)
                continue
            }
            try folder.remove(image.id)
        }
        return kept
    }

    private static func index(of found: [ImageFolder.Found], _ journal: OriginJournal) -> Index {
        let known = found.compactMap { image in
            image.record.map { ChangeHistory.Entry(id: image.id, version: $0.version) }
        }
        var index = Index(
            history: ChangeHistory(images: known, tombstones: journal.tombstones, floor: journal.floor))
        for image in found {
            if image.record == nil {
                Log.error(
                    "a damaged image is not served; restore its file, or put or delete the image",
                    ["id": "\(image.id)", "why": "its trailer is missing or broken"])
            }
            let nothing = ImageRecord(id: image.id, version: 0, size: 0, modifiedSeconds: 0, checksum: [], type: "")
            index.entries[image.id] = Entry(record: image.record ?? nothing, isDamaged: image.record == nil)
            index.bytes += image.record?.size ?? 0
        }
        index.ids = index.entries.keys.sorted()
        return index
    }

    /// Lets go of the folder. To be called last.
    func close() { lock.withLock { $0 = nil } }

    // MARK: Reading; never blocks for long

    subscript(id: ImageID) -> Entry? { index.withLock { $0.entries[id] } }

    var figures: Figures {
        index.withLock {
            Figures(
                images: $0.ids.count, bytes: $0.bytes, version: $0.history.version, puts: $0.puts, deletes: $0.deletes)
        }
    }

    /// Ascending by id, behind `after`.
    func list(after: ImageID?, limit: Int) -> (entries: [Entry], hasMore: Bool) {
        index.withLock { index in
            let start = after.map { place(of: $0, in: index.ids) } ?? 0
            let first = start < index.ids.count && index.ids[start] == after ? start + 1 : start
            let ids = index.ids[first...].prefix(limit)
            return (ids.compactMap { index.entries[$0] }, first + ids.count < index.ids.count)
        }
    }

    func changes(since: UInt64, limit: Int) -> ImageChanges {
        index.withLock { changes(since: since, limit: limit, $0) }
    }

    /// The same, and what `then` does with it before any later change is told of.
    func following<Result>(
        since: UInt64, limit: Int, _ then: (ImageChanges) throws(Problem) -> Result
    ) throws(Problem) -> Result {
        try index.withLock { index throws(Problem) in try then(changes(since: since, limit: limit, index)) }
    }

    private func changes(since: UInt64, limit: Int, _ index: borrowing Index) -> ImageChanges {
        let version = index.history.version
        guard index.history.reaches(since) else {
            return ImageChanges(origin: originName, version: version, isReset: true, changes: [], next: nil)
        }
        let found = index.history.changes(since: since, limit: limit + 1)
        let changes = found.prefix(limit).map { entry in
            let record = index.entries[entry.id]?.record
            return ImageChange(
                id: entry.id, version: entry.version, etag: record?.version == entry.version ? record?.etag : nil)
        }
        return ImageChanges(
            origin: originName, version: version, isReset: false, changes: changes,
            next: found.count > limit ? changes.last?.version : nil)
    }

    private func place(of id: ImageID, in ids: [ImageID]) -> Int {
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Changing; blocks, so it belongs on a thread of its own

    /// Throws a `DiskFailure`.
    func beginUpload(_ id: ImageID, type: String) throws(DiskFailure) -> ImageUpload {
        let number = uploads.add(1, ordering: .relaxed).newValue
        return try ImageUpload(id, type: type, path: folder.temporaryPath(number))
    }

    /// Durable when it returns. `allows` is asked with what the image is then, and throws to refuse. Throws a `Problem`,
    /// after which the image is what it was.
    func put(
        _ upload: ImageUpload, if allows: (ImageRecord?) throws(Problem) -> Void
    ) throws(Problem) -> (record: ImageRecord, isNew: Bool) {
        try disk { () throws(DiskFailure) in try upload.finish() }
        return try changing.withLock { journal throws(Problem) in
            let before = self[upload.id]
            try allows(before?.record)
            if before == nil, figures.images >= Self.imagesMax {
                throw Problem(
                    507, "There are \(Self.imagesMax) images already; delete some.", code: "size", limit: .images)
            }
            let record = try disk { () throws(DiskFailure) in
                try upload.put(at: folder.path(of: upload.id), version: journal.takeVersion())
            }
            // Told of once it is durable. If that fails it is in place all the same, and so told of.
            defer { noteChange(of: upload.id, record, version: record.version) }
            try disk { () throws(DiskFailure) in try syncFolder(folder.path) }
            return (record, before == nil)
        }
    }

    /// Durable when it returns; its version, or nil when there was nothing. Throws a `Problem`.
    func delete(_ id: ImageID, if allows: (ImageRecord?) throws(Problem) -> Void) throws(Problem) -> UInt64? {
        try changing.withLock { journal throws(Problem) in
            let before = self[id]
            try allows(before?.record)
            guard before != nil else { return nil }
            let version = try disk { () throws(DiskFailure) in
                let version = try journal.takeVersion()
                try journal.addTombstone(id, version: version)
                return version
            }
            noteChange(of: id, nil, version: version)
            try disk { () throws(DiskFailure) in try folder.remove(id) }
            return version
        }
    }

    private func noteChange(of id: ImageID, _ record: ImageRecord?, version: UInt64) {
        index.withLock { index in
            let before = index.entries.removeValue(forKey: id)
            index.bytes -= before?.record.size ?? 0
            if let record {
                index.entries[id] = Entry(record: record)
                index.bytes += record.size
                if before == nil { index.ids.insert(id, at: place(of: id, in: index.ids)) }
                index.history.put(id, version: version)
                index.puts += 1
            } else {
                if before != nil { index.ids.remove(at: place(of: id, in: index.ids)) }
                index.history.delete(id, version: version)
                index.deletes += 1
            }
            onChange(ImageChange(id: id, version: version, etag: record?.etag))
        }
    }

    private func disk<Result>(_ body: () throws(DiskFailure) -> Result) throws(Problem) -> Result {
        do throws(DiskFailure) { return try body() } catch { throw error.problem }
    }
}
