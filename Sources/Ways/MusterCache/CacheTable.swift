internal import HTTPCaching
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

    /// Of one key; the oldest goes for one more.
    static let partsMax = 1_024

    let limits: CacheLimits
    private(set) var entries: [Entry?] = []
    private var free: [Int] = []
    /// What is whole.
    private var wholes: [CacheKey: [Int]] = [:]
    /// Bytes of representations, each run of them an object of its own.
    private var parts: [CacheKey: [Int]] = [:]
    private var resident = RecencyList()
    private var onDisk = RecencyList()
    private(set) var memoryBytes = 0
    private(set) var diskBytes = 0

    init(limits: CacheLimits) { self.limits = limits }

    var count: Int { entries.count - free.count }

    /// What is whole, newest first.
    func variants(_ key: CacheKey) -> [CachedObject] {
        wholes[key]?.compactMap { entries[$0]?.object } ?? []
    }

    /// What is stored in part, newest first.
    func parts(_ key: CacheKey) -> [CachedObject] {
        parts[key]?.compactMap { entries[$0]?.object } ?? []
    }

    func all(_ key: CacheKey) -> [CachedObject] { variants(key) + parts(key) }

    var keys: Set<CacheKey> { Set(wholes.keys).union(parts.keys) }

    /// The one object under the key, marked as used. Nil: there is none, or there are several.
    mutating func only(_ key: CacheKey) -> CachedObject? {
        guard let slots = wholes[key], slots.count == 1, let entry = entries[slots[0]] else { return nil }
        use(slots[0], entry)
        return entry.object
    }

    /// The most recently used first, without parts.
    func recent(_ countMax: Int) -> [CachedObject] {
        (onDisk.count > 0 ? onDisk : resident).newestFirst(countMax).compactMap { entries[$0]?.object }
            .filter { !$0.isPart }
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

    /// Takes the place of what is stored under the same key for the same selecting fields. A part does so only to parts that lie
    /// within it, and to those of another representation: what changed is never mixed.
    mutating func insert(_ object: CachedObject, diskBytes: Int, isResident: Bool) -> [Effect] {
        var effects: [Effect] = []
        let others = object.isPart ? parts(object.key).filter(object.replaces) : all(object.key)
        for other in others where other.head.vary == object.head.vary { effects += remove(other) }
        let oldest =
            object.isPart
            ? parts(object.key).dropFirst(Self.partsMax - 1).last
            : variants(object.key).dropFirst(Self.variantsMax - 1).last
        if let oldest { effects += remove(oldest) }
        let slot = free.popLast() ?? entries.count
        let entry = Entry(object: object, diskBytes: diskBytes, isResident: isResident)
        if slot == entries.count { entries.append(entry) } else { entries[slot] = entry }
        object.slot.store(slot, ordering: .relaxed)
        if object.isPart {
            parts[object.key, default: []].insert(slot, at: 0)
        } else {
            wholes[object.key, default: []].insert(slot, at: 0)
        }
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
        wholes[object.key]?.removeAll { $0 == slot }
        if wholes[object.key]?.isEmpty == true { wholes[object.key] = nil }
        parts[object.key]?.removeAll { $0 == slot }
        if parts[object.key]?.isEmpty == true { parts[object.key] = nil }
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
