/// Shares the memory for request bodies (or anything else that can be counted) among those who send them: nobody holds more than is left free after it. One alone has
/// half of it, two a third each, and however many hold all that they may, a newcomer finds as much as each of them has.
package struct BodyBudget {
    /// Bytes in all.
    package let bytesMax: Int
    package private(set) var held = 0
    private var bySender: [String: Int] = [:]

    package init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// False, and nothing is taken, when the sender would hold more than its share.
    package mutating func take(_ count: Int, for sender: String) -> Bool {
        let own = bySender[sender, default: 0] + count
        guard own <= bytesMax - held - count else { return false }
        bySender[sender] = own
        held += count
        return true
    }

    /// What was taken for the sender, or a part of it.
    package mutating func give(back count: Int, of sender: String) {
        guard count > 0, let own = bySender[sender] else { return }
        precondition(count <= own, "\(sender) gives back \(count) bytes of \(own)")
        bySender[sender] = count == own ? nil : own - count
        held -= count
    }
}

/// Both budgets of a server. What is small by its route (signs of life, leases, joinings) never waits for what is large.
struct BodyBudgets {
    /// Bodies of routes that take no more are small.
    static let smallBytesMax = 1 << 20

    private(set) var large: BodyBudget
    private(set) var small: BodyBudget

    /// A quarter is for small ones alone.
    init(bytesMax: Int) {
        large = BodyBudget(bytesMax: bytesMax - bytesMax / 4)
        small = BodyBudget(bytesMax: bytesMax / 4)
    }

    mutating func take(_ count: Int, for sender: String, routeBytesMax: Int) -> Bool {
        routeBytesMax <= Self.smallBytesMax
            ? small.take(count, for: sender) : large.take(count, for: sender)
    }

    mutating func give(back count: Int, of sender: String, routeBytesMax: Int) {
        if routeBytesMax <= Self.smallBytesMax {
            small.give(back: count, of: sender)
        } else {
            large.give(back: count, of: sender)
        }
    }
}
