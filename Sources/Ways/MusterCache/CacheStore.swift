package import HTTPCaching
internal import MusterCrypto
internal import MusterLog
package import MusterSystem
internal import Synchronization

/// Stored responses in memory and on the disk: least recently used ones go first when there are too many bytes. Survives a
/// restart; every body that comes back from the disk is checked against its SHA-256.
///
/// Any thread may call it. Only `open` and a `SpoolFile` wait for the disk, and they say so.
package final class CacheStore: Sendable {
    package struct Statistics: Sendable {
        package var objects = 0
        package var memoryBytes = 0
        package var diskBytes = 0
        package var evicted = 0
        package var corrupt = 0
        /// Objects that could not be written, and are, or were, in memory only.
        package var unwritten = 0
    }

    package let limits: CacheLimits
    private let table: Mutex<CacheTable>
    private let folder: CacheFolder?
    private let writer: DiskWriter?
    private let loaders = ThreadPool(idleMax: 4)
    private let nextSerial = Atomic<UInt64>(1)
    private let evicted = Atomic(0)
    private let corrupt = Atomic(0)
    private let unwritten = Atomic(0)

    /// Reads the heads of what lies in `directory`. Nil: nothing is kept beyond the process. The caller has made sure that no
    /// other process uses the directory.
    package init(directory: String?, limits: CacheLimits, policy: CachePolicy) throws(CacheError) {
        self.limits = limits
        table = Mutex(CacheTable(limits: limits))
        guard let directory, limits.diskBytes > 0 else {
            (folder, writer) = (nil, nil)
            return
        }
        let folder = try CacheFolder(directory)
        self.folder = folder
        writer = try DiskWriter(bytesMax: min(limits.writingBytesMax, limits.memoryBytes / 2))
        for serial in folder.serials() {
            nextSerial.store(serial + 1, ordering: .relaxed)
            guard let object = Self.restore(serial, from: folder, policy) else {
                folder.remove(serial)
                continue
            }
            perform(
                table.withLock { $0.insert(object, diskBytes: Self.diskBytes(of: object), isResident: false) })
        }
    }

    /// Finishes what is being written.
    package func close() { writer?.close() }

    package var statistics: Statistics {
        var statistics = table.withLock {
            Statistics(objects: $0.count, memoryBytes: $0.memoryBytes, diskBytes: $0.diskBytes)
        }
        statistics.evicted = evicted.load(ordering: .relaxed)
        statistics.corrupt = corrupt.load(ordering: .relaxed)
        statistics.unwritten = unwritten.load(ordering: .relaxed)
        return statistics
    }

    // MARK: Finding

    /// The one object under the key, marked as used. Nil: there is none, or there are several to select from.
    package func only(_ key: CacheKey) -> CachedObject? { table.withLock { $0.only(key) } }

    /// Everything under the key that is stored in part, newest first: an object's body is the run of bytes that its head says it holds.
    package func parts(_ key: CacheKey) -> [CachedObject] { table.withLock { $0.parts(key) } }

    /// Everything under the key that is whole, newest first.
    package func variants(_ key: CacheKey) -> [CachedObject] { table.withLock { $0.variants(key) } }

    /// At most so many, the most recently used first; none that is stored in part.
    package func recent(_ countMax: Int) -> [CachedObject] { table.withLock { $0.recent(countMax) } }

    package func use(_ object: CachedObject) { table.withLock { $0.use(object) } }

    // MARK: Keeping

    /// A body that is whole in memory: the first `count` bytes.
    package func body(_ memory: SharedBytes, count: Int) -> StoredBody {
        StoredBody(
            count: count, digest: Self.digest(of: memory.bytes(0..<count)), serial: makeSerial(), memory: memory,
            isWritten: false)
    }

    private static func digest(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let run = SHA256()
        run.update(bytes)
        return run.finish()
    }

    /// A file for a body that is too large for memory. Nil: nothing is kept on the disk.
    package func spool() throws(CacheError) -> SpoolFile? {
        guard let folder else { return nil }
        return try SpoolFile(folder, serial: makeSerial())
    }

    private func makeSerial() -> UInt64 { nextSerial.wrappingAdd(1, ordering: .relaxed).oldValue }

    /// Stores it in the place of what is stored for the same key and selecting fields. The file follows in its own time.
    package func insert(_ object: CachedObject) {
        let (isInMemory, isWritten) = object.body.state.withLock { ($0.memory != nil, $0.isWritten) }
        let goesToDisk = isWritten || writer != nil
        guard isInMemory || isWritten else { return }
        let diskBytes = goesToDisk ? Self.diskBytes(of: object) : 0
        // In the table first: the writer passes over what is not stored any more.
        perform(table.withLock { $0.insert(object, diskBytes: diskBytes, isResident: isInMemory) })
        if isWritten {
            writeHead(object)
        } else if goesToDisk, !write(object) {
            perform(table.withLock { $0.notOnDisk(object) })
        }
    }

    /// Takes back a body that was made and is not to be stored: its file goes.
    package func discard(_ object: CachedObject) {
        guard !object.isStored else { return }
        removeFiles(of: object)
    }

    // MARK: Removing

    package func remove(_ object: CachedObject) { perform(table.withLock { $0.remove(object) }) }

    /// How many answers went: all parts of a key are one.
    @discardableResult
    package func remove(key: CacheKey) -> Int { removeAll { $0.all(key) } }

    /// Everything whose key `matches`; looks at every key.
    @discardableResult
    package func remove(
        where matches: (CacheKey) -> Bool, and isMeant: (CachedObject) -> Bool = { _ in true }
    ) -> Int {
        removeAll { table in table.keys.filter(matches).flatMap { table.all($0).filter(isMeant) } }
    }

    /// Returns when the files of all that was removed before are gone: not even a crash brings it back.
    package func settle() async {
        guard let writer else { return }
        await withCheckedContinuation { continuation in
            if !writer.submit(bytes: 0, { continuation.resume() }) { continuation.resume() }
        }
    }

    private func removeAll(_ select: (CacheTable) -> [CachedObject]) -> Int {
        let (objects, effects) = table.withLock { table in
            let objects = select(table)
            return (objects, objects.flatMap { table.remove($0) })
        }
        perform(effects)
        return objects.count { !$0.isPart } + Set(objects.filter(\.isPart).map(\.key)).count
    }
}

// MARK: - Performing what the table decided

extension CacheStore {
    private static func diskBytes(of object: CachedObject) -> Int {
        CacheLimits.onDisk(object.body.count) + CacheLimits.onDisk(object.headBytes)
    }

    private func perform(_ effects: [CacheTable.Effect]) {
        for effect in effects {
            switch effect {
            case .letGo(let object):
                evicted.add(1, ordering: .relaxed)
                object.rendering = nil
                // What is not written yet stays until it is.
                object.body.state.withLock { if $0.isWritten { $0.memory = nil } }
            case .removed(let object):
                object.rendering = nil
                removeFiles(of: object)
            }
        }
    }

    private func removeFiles(of object: CachedObject) {
        guard let folder, let writer else { return }
        // Another object may have come over the same body meanwhile: then its files are that one's.
        _ = writer.submit(bytes: 0) { [weak self] in
            let body = object.body
            let isUsed = self?.table.withLock { table in
                table.all(object.key).contains { $0.body === body }
            }
            if isUsed != true { folder.remove(body.serial) }
        }
    }

    /// False when too much waits to be written.
    private func write(_ object: CachedObject) -> Bool {
        guard let folder, let writer, let memory = object.body.state.withLock({ $0.memory }) else { return false }
        let isTaken = writer.submit(bytes: object.body.count) { [weak self] in
            guard let self, object.isStored else { return }
            do throws(CacheError) {
                let body = object.body
                try folder.write([memory.bytes(0..<body.count)], to: folder.bodyPath(body.serial), serial: body.serial)
                try Self.writeHead(object, to: folder)
                written(object)
            } catch {
                notWritten(object, error)
            }
        }
        if !isTaken { unwritten.add(1, ordering: .relaxed) }
        return isTaken
    }

    private func writeHead(_ object: CachedObject) {
        guard let folder, let writer else { return }
        _ = writer.submit(bytes: 0) { [weak self] in
            guard object.isStored else { return }
            do throws(CacheError) { try Self.writeHead(object, to: folder) } catch { self?.notWritten(object, error) }
        }
    }

    private static func writeHead(_ object: CachedObject, to folder: CacheFolder) throws(CacheError) {
        let bytes = HeadFile.bytes(of: object)
        let serial = object.body.serial
        let text = SharedBytes(bytes)
        try folder.write([text.bytes(0..<bytes.count)], to: folder.headPath(serial), serial: serial)
    }

    private static func restore(_ serial: UInt64, from folder: CacheFolder, _ policy: CachePolicy) -> CachedObject? {
        guard let bytes = folder.readHead(serial), let object = HeadFile.object(bytes, serial: serial, policy: policy),
            // Kept by an edge that was another cache's kind then: it would not be kept now.
            !object.head.freshness.control.isPrivate,
            folder.bodyBytes(serial) == object.body.count
        else { return nil }
        return object
    }

    private func written(_ object: CachedObject) {
        object.body.state.withLock { $0.isWritten = true }
        // What is not stored any more keeps its bytes for those who hold it.
        let isLetGo = table.withLock { table in
            let stored = table.all(object.key).filter { $0.body === object.body }
            return !stored.isEmpty && !stored.contains { table.isResident($0) }
        }
        if isLetGo { object.body.state.withLock { $0.memory = nil } }
    }

    /// It stays in memory, if it is there.
    private func notWritten(_ object: CachedObject, _ error: CacheError) {
        if unwritten.add(1, ordering: .relaxed).oldValue == 0 {
            Log.warning("the cache cannot write to its disk; it goes on without", ["error": error.message])
        }
        folder?.remove(object.body.serial)
        object.body.state.withLock { $0.isWritten = false }
        perform(table.withLock { $0.notOnDisk(object) })
    }
}

// MARK: - Reading back

extension CacheStore {
    /// The body, read from the disk and verified where it is not at hand. Throws when it is not what was stored, or cannot be
    /// read: then the object is removed, and is to be fetched again. Any number of callers at once are one reading.
    package func open(_ object: CachedObject) async throws(CacheError) -> OpenedBody {
        if let body = object.body.atHand { return body }
        let result: Result<OpenedBody, CacheError> = await withCheckedContinuation { continuation in
            open(object) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    private func open(
        _ object: CachedObject, _ done: @escaping @Sendable (Result<OpenedBody, CacheError>) -> Void
    ) {
        let isFirst = object.body.state.withLock { state in
            state.waiting.append(done)
            defer { state.isLoading = true }
            return !state.isLoading
        }
        guard isFirst else { return }
        let failure = loaders.run { [self] in finish(object, load(object)) }
        if failure != 0 { finish(object, .failure(CacheError(.unreadable, "no thread to read the cache"))) }
    }

    private func load(_ object: CachedObject) -> Result<OpenedBody, CacheError> {
        guard let folder else { return .failure(CacheError(.unreadable, "nothing is kept on a disk")) }
        do throws(CacheError) {
            if object.body.count > limits.memoryObjectBytesMax {
                return .success(.file(try folder.verifiedFile(of: object.body)))
            }
            return .success(.memory(try folder.read(object.body)))
        } catch {
            return .failure(error)
        }
    }

    private func finish(_ object: CachedObject, _ result: Result<OpenedBody, CacheError>) {
        switch result {
        case .success(.memory(let bytes)):
            object.body.state.withLock { $0.memory = bytes }
            perform(table.withLock { $0.loaded(object) })
        case .success(.file(let file)): object.body.state.withLock { $0.file = file }
        case .failure(let error):
            if error.code == .corrupt { corrupt.add(1, ordering: .relaxed) }
            Log.warning(
                "a stored answer cannot be read",
                ["error": error.message, "key": String(object.key.target.prefix(200))])
            remove(object)
        }
        let waiting = object.body.state.withLock { state in
            state.isLoading = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for done in waiting { done(result) }
    }
}
