internal import MusterAPI

/// What became of images, by version: each id's latest change, deletions included as long as there is room for them.
///
/// Pure. Versions grow from change to change; gaps mean nothing.
struct ChangeHistory {
    struct Entry: Hashable {
        var id: ImageID
        var version: UInt64
    }

    /// Deletions that are remembered; beyond them the oldest are forgotten.
    static let tombstonesMax = 16_384

    /// Ascending by version. Entries whose id has a later one are passed over, and swept out when they are many.
    private var log: [Entry] = []
    private var latest: [ImageID: UInt64] = [:]
    /// Deletions, oldest first, those that a later change made void included.
    private var tombstones: [Entry] = []
    private var tombstonesDropped = 0
    /// The newest change of all; 0: there was none.
    private(set) var version: UInt64 = 0
    /// Deletions up to this version may be forgotten.
    private(set) var floor: UInt64

    /// - Parameters:
    ///   - images: what there is, in any order.
    ///   - tombstones: remembered deletions, oldest first.
    init(images: [Entry], tombstones: [Entry], floor: UInt64) {
        self.floor = floor
        let alive = Dictionary(images.map { ($0.id, $0.version) }, uniquingKeysWith: max)
        let deleted = tombstones.filter { $0.version > alive[$0.id] ?? 0 }
        for entry in (images + deleted).sorted(by: { $0.version < $1.version }) { add(entry) }
        self.tombstones = tombstones
    }

    mutating func put(_ id: ImageID, version: UInt64) { add(Entry(id: id, version: version)) }

    mutating func delete(_ id: ImageID, version: UInt64) {
        let entry = Entry(id: id, version: version)
        add(entry)
        tombstones.append(entry)
        guard tombstones.count - tombstonesDropped > Self.tombstonesMax else { return }
        let oldest = tombstones[tombstonesDropped]
        tombstonesDropped += 1
        floor = oldest.version
        if latest[oldest.id] == oldest.version { latest[oldest.id] = nil }
        if tombstonesDropped > Self.tombstonesMax {
            tombstones.removeFirst(tombstonesDropped)
            tombstonesDropped = 0
        }
    }

    private mutating func add(_ entry: Entry) {
        precondition(entry.version > version, "version \(entry.version) after \(version)")
        version = entry.version
        log.append(entry)
        latest[entry.id] = entry.version
        if log.count > 2 * latest.count + 1_024 { log.removeAll { latest[$0.id] != $0.version } }
    }

    /// Whether `changes(since:)` tells all that whoever stopped at `since` has missed. 0 stands for who holds nothing.
    func reaches(_ since: UInt64) -> Bool { since == 0 || (since >= floor && since <= version) }

    /// Ascending, at most `limit`; one more tells the caller that there are more.
    func changes(since: UInt64, limit: Int) -> [Entry] {
        var (low, high) = (0, log.count)
        while low < high {
            let middle = (low + high) / 2
            if log[middle].version <= since { low = middle + 1 } else { high = middle }
        }
        var found: [Entry] = []
        for entry in log[low...] where latest[entry.id] == entry.version {
            found.append(entry)
            if found.count == limit { break }
        }
        return found
    }
}
