/// Slots of a table in the order of their last use: a doubly linked list in two arrays, every operation in constant time.
struct RecencyList {
    private var newer: [Int32] = []
    private var older: [Int32] = []
    private var newest: Int32 = RecencyList.none
    private(set) var oldest: Int? = nil
    private(set) var count = 0
    private static let none: Int32 = -1
    private static let absent: Int32 = -2

    func contains(_ slot: Int) -> Bool { slot < newer.count && newer[slot] != Self.absent }

    /// Puts the slot in front, whether or not it was in the list.
    mutating func touch(_ slot: Int) {
        if newest == Int32(slot) { return }
        remove(slot)
        while newer.count <= slot {
            newer.append(Self.absent)
            older.append(Self.absent)
        }
        newer[slot] = Self.none
        older[slot] = newest
        if newest >= 0 { newer[Int(newest)] = Int32(slot) } else { oldest = slot }
        newest = Int32(slot)
        count += 1
    }

    /// At most so many slots.
    func newestFirst(_ countMax: Int) -> [Int] {
        var slots: [Int] = []
        var next = newest
        while next >= 0, slots.count < countMax {
            slots.append(Int(next))
            next = older[Int(next)]
        }
        return slots
    }

    mutating func remove(_ slot: Int) {
        guard contains(slot) else { return }
        let (after, before) = (newer[slot], older[slot])
        if after >= 0 { older[Int(after)] = before } else { newest = before }
        if before >= 0 { newer[Int(before)] = after } else { oldest = after >= 0 ? Int(after) : nil }
        newer[slot] = Self.absent
        older[slot] = Self.absent
        count -= 1
    }
}
