internal import MusterCore

/// A row for each of many members, side by side in memory: looking at all of them costs little, and finding one is one look-up.
///
/// A place holds until the next removal, which moves the last row.
struct MemberTable<Row: Sendable>: Sendable {
    private var places: [MemberID: Int] = [:]
    private(set) var ids: [MemberID] = []
    var rows: [Row] = []

    var count: Int { ids.count }
    func place(of id: MemberID) -> Int? { places[id] }

    /// Of somebody who is not in it.
    @discardableResult mutating func add(_ id: MemberID, _ row: Row) -> Int {
        places[id] = ids.count
        ids.append(id)
        rows.append(row)
        return ids.count - 1
    }

    /// The last one has the place from now on.
    mutating func remove(_ id: MemberID) -> (place: Int, row: Row)? {
        guard let place = places.removeValue(forKey: id) else { return nil }
        ids.fill(place)
        if place < ids.count { places[ids[place]] = place }
        return (place, rows.fill(place))
    }
}

extension Array {
    /// Takes an element out and puts the last one in its place.
    @discardableResult mutating func fill(_ place: Int) -> Element {
        swapAt(place, count - 1)
        return removeLast()
    }
}
