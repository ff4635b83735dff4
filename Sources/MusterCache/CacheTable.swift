internal import MusterCore
internal import Synchronization

/// What is stored under which key, and what it takes: decisions only, under the store's lock.
struct CacheTable {
    struct Entry {
        let object: CachedObject
        /// Bytes on the disk that are counted for it.
        var diskBytes: Int
        /// Whether its body's bytes are counted in memory.
        var isResident: Bool
    }

    /// What the driver has to do after a change.
    enum Effect {
        /// Its body leaves memory; it can be read from the disk again.
        case letGo(CachedObject)
        /// It is not stored any more.
        case removed(CachedObject)
    }

    /// Of one key; the oldest goes for one more.
    static let variantsMax = 64

    let limits: CacheLimits
    private(set) var entries: [Entry?] = []
    private var free: [Int] = []
    private(set) var byKey: [CacheKey: [Int]] = [:]
    private var resident = RecencyList()
    private var onDisk = RecencyList()
    private(set) var memoryBytes = 0
    private(set) var diskBytes = 0

    init(limits: CacheLimits) { self.limits = limits }

    var count: Int { entries.count - free.count }

    /// Newest first.
    func variants(_ key: CacheKey) -> [CachedObject] {
        byKey[key]?.compactMap { entries[$0]?.object } ?? []
    }

    /// The one object under the key, marked as used. Nil: there is none, or there are several.
    mutating func only(_ key: CacheKey) -> CachedObject? {
        guard let slots = byKey[key], slots.count == 1, let entry = entries[slots[0]] else { return nil }
        use(slots[0], entry)
        return entry.object
    }

    /// The most recently used first.
    func recent(_ countMax: Int) -> [CachedObject] {
        (onDisk.count > 0 ? onDisk : resident).newestFirst(countMax).compactMap { entries[$0]?.object }
    }

    mutating func use(_ object: CachedObject) {
        let slot = object.slot.load(ordering: .relaxed)
        guard slot >= 0, let entry = entries[slot], entry.object === object else { return }
        use(slot, entry)
    }

    private mutating func use(_ slot: Int, _ entry: Entry) {
        if entry.isResident { resident.touch(slot) }
        if entry.diskBytes > 0 { onDisk.touch(slot) }
    }

    /// Takes the place of what is stored under the same key for the same selecting fields.
    mutating func insert(_ object: CachedObject, diskBytes: Int, isResident: Bool) -> [Effect] {
        var effects: [Effect] = []
        for other in variants(object.key) where other.head.vary == object.head.vary {
            effects += remove(other)
        }
        if let oldest = variants(object.key).dropFirst(Self.variantsMax - 1).last { effects += remove(oldest) }
        let slot = free.popLast() ?? entries.count
        let entry = Entry(object: object, diskBytes: diskBytes, isResident: isResident)
        if slot == entries.count { entries.append(entry) } else { entries[slot] = entry }
        object.slot.store(slot, ordering: .relaxed)
        byKey[object.key, default: []].insert(slot, at: 0)
        memoryBytes += object.headBytes + (isResident ? object.body.count : 0)
        self.diskBytes += diskBytes
        use(slot, entry)
        return effects + fit()
    }

    /// Its body is in memory again.
    mutating func loaded(_ object: CachedObject) -> [Effect] {
        let slot = object.slot.load(ordering: .relaxed)
        guard slot >= 0, var entry = entries[slot], entry.object === object, !entry.isResident else { return [] }
        entry.isResident = true
        entries[slot] = entry
        memoryBytes += object.body.count
        use(slot, entry)
        return fit()
    }

    /// It could not be written: it stays as long as it is in memory.
    mutating func notOnDisk(_ object: CachedObject) -> [Effect] {
        let slot = object.slot.load(ordering: .relaxed)
        guard slot >= 0, let entry = entries[slot], entry.object === object else { return [] }
        if !entry.isResident { return remove(object) }
        onDisk.remove(slot)
        diskBytes -= entry.diskBytes
        entries[slot]?.diskBytes = 0
        return []
    }

    func isResident(_ object: CachedObject) -> Bool {
        let slot = object.slot.load(ordering: .relaxed)
        guard slot >= 0, let entry = entries[slot], entry.object === object else { return false }
        return entry.isResident
    }

    mutating func remove(_ object: CachedObject) -> [Effect] {
        let slot = object.slot.load(ordering: .relaxed)
        guard slot >= 0, let entry = entries[slot], entry.object === object else { return [] }
        resident.remove(slot)
        onDisk.remove(slot)
        memoryBytes -= object.headBytes + (entry.isResident ? object.body.count : 0)
        diskBytes -= entry.diskBytes
        byKey[object.key]?.removeAll { $0 == slot }
        if byKey[object.key]?.isEmpty == true { byKey[object.key] = nil }
        entries[slot] = nil
        free.append(slot)
        object.slot.store(-1, ordering: .relaxed)
        return [.removed(object)]
    }

    /// Pushes out what was not used for longest until everything is within its bounds.
    private mutating func fit() -> [Effect] {
        var effects: [Effect] = []
        while diskBytes > limits.diskBytes, let slot = onDisk.oldest, let entry = entries[slot] {
            effects += remove(entry.object)
        }
        while memoryBytes > limits.memoryBytes, let slot = resident.oldest, let entry = entries[slot] {
            effects += entry.diskBytes > 0 ? letGo(slot, entry) : remove(entry.object)
        }
        while memoryBytes > limits.memoryBytes || count > limits.objectsMax,
            let slot = onDisk.oldest ?? resident.oldest, let entry = entries[slot]
        {
            effects += remove(entry.object)
        }
        return effects
    }

    private mutating func letGo(_ slot: Int, _ entry: Entry) -> [Effect] {
        resident.remove(slot)
        entries[slot]?.isResident = false
        memoryBytes -= entry.object.body.count
        return [.letGo(entry.object)]
    }
}
