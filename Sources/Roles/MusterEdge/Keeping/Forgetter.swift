internal import HTTPCaching
internal import HTTPText
internal import MusterCache
internal import MusterElection
internal import MusterHTTP
internal import Synchronization

/// Forgets what is stored, and lets nothing that is on its way be stored; what it forgot is gone when it returns.
final class Forgetter: Sendable {
    private let store: CacheStore
    private let flights: Flights
    private let floors: ImageFloors
    private let counters: EdgeCounters

    init(_ store: CacheStore, _ flights: Flights, _ floors: ImageFloors, _ counters: EdgeCounters) {
        (self.store, self.flights, self.floors, self.counters) = (store, flights, floors, counters)
    }

    /// On demand. Returns how many answers went.
    @discardableResult
    func purge(_ matches: @escaping @Sendable (CacheKey) -> Bool) async -> Int {
        flights.forbidStoring(matches)
        let count = store.remove(where: matches)
        await store.settle()
        counters.purged.add(count, ordering: .relaxed)
        return count
    }

    /// Something that went through here may have changed these.
    func changed(_ keys: [CacheKey]) async {
        guard !keys.isEmpty else { return }
        if let image = keys.lazy.compactMap({ ImageTarget(of: $0) }).first {
            // By whatever name it was asked for, and what is said of it beside its bytes.
            await purge { keys.contains($0) || ImageTarget(of: $0) == image }
            return
        }
        let all = Set(keys)
        flights.forbidStoring { all.contains($0) }
        for key in all { store.remove(key: key) }
        await store.settle()
    }

    /// The origin has a newer version of an image, or has it no more. Returns what was held of it, wholly.
    func changed(_ image: Int64, to version: UInt64) async -> Set<CacheKey> {
        floors.raise(image, to: version)
        var held: Set<CacheKey> = []
        flights.forbidStoring(below: version) { ImageTarget(of: $0)?.number == image }
        store.remove { key in
            ImageTarget(of: key)?.number == image
        } and: { object in
            let isOld = object.head.fields.imageVersion.map { $0 < version } ?? true
            if isOld, !object.isPart { held.insert(object.key) }
            return isOld
        }
        await store.settle()
        return held
    }

    /// The origin has another history of versions than what is stored.
    func forgetImages() async {
        floors.reset()
        await purge { ImageTarget(of: $0) != nil }
    }
}

extension PurgePattern {
    /// Whether what is stored under a key is to go.
    var matcher: @Sendable (CacheKey) -> Bool {
        switch self {
        case .image(let id): { ImageTarget(of: $0)?.number == id }
        case .prefix(let prefix):
            // By bytes: as texts go, a prefix may end within a character.
            { key in
                key.target.utf8.starts(with: prefix.utf8)
                    || PlainTarget(key.target).path.starts(with: WireText.bytes(prefix))
            }
        case .all: { _ in true }
        }
    }
}
