internal import MusterCore

/// Members in the order of a number that each keeps for good. Their places in it are dense, from 0.
struct MemberOrder: Sendable {
    private var keys: [Int64] = []
    /// One array for all who ask, until the order changes.
    private(set) var ids: [MemberID] = []

    var count: Int { ids.count }

    func place(of id: MemberID, _ key: Int64) -> Int? {
        let place = firstPlace(notBelow: key)
        return place < ids.count && ids[place] == id ? place : nil
    }

    /// Those with greater numbers.
    func ids(behind key: Int64) -> [MemberID] { Array(ids[firstPlace(notBelow: key + 1)...]) }

    mutating func insert(_ id: MemberID, _ key: Int64) {
        let place = firstPlace(notBelow: key)
        keys.insert(key, at: place)
        ids.insert(id, at: place)
    }

    /// All at once: that costs no more than one of them does.
    mutating func remove(_ gone: [(id: MemberID, key: Int64)]) {
        let places = gone.map { entry in
            guard let place = place(of: entry.id, entry.key) else { preconditionFailure("\(entry.id) has no place") }
            return place
        }.sorted()
        guard let first = places.first else { return }
        if places.count == 1 {
            keys.remove(at: first)
            ids.remove(at: first)
            return
        }
        let ends = places.dropFirst() + [ids.count]
        let staying = zip(places, ends).map { $0 + 1..<$1 }
        keys = keys[..<first] + staying.flatMap { keys[$0] }
        ids = ids[..<first] + staying.flatMap { ids[$0] }
    }

    private func firstPlace(notBelow key: Int64) -> Int {
        // Who comes is behind all others.
        guard let last = keys.last, last >= key else { return keys.count }
        var (low, high) = (0, keys.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
