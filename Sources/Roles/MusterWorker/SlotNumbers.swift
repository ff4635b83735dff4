/// Which slots of a worker are in use, from 1 on.
struct SlotNumbers: Sendable {
    private var used: Set<Int> = []

    /// The lowest that is free.
    mutating func take() -> Int {
        var number = 1
        while !used.insert(number).inserted { number += 1 }
        return number
    }

    mutating func giveBack(_ number: Int) { used.remove(number) }
}
