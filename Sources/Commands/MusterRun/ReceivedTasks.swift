/// Which tasks of a job are known to have ended: a bit each.
package struct ReceivedTasks: Sendable {
    private var words: [UInt64]
    package private(set) var count = 0
    /// All before it have ended.
    package private(set) var firstMissing = 0

    package init(of count: Int) { words = Array(repeating: 0, count: (count + 63) / 64) }

    package func contains(_ task: Int) -> Bool {
        task / 64 < words.count && words[task / 64] & (1 << (UInt64(task) % 64)) != 0
    }

    /// False where it was there before.
    package mutating func insert(_ task: Int) -> Bool {
        guard !contains(task) else { return false }
        if task / 64 >= words.count { words += Array(repeating: 0, count: task / 64 + 1 - words.count) }
        words[task / 64] |= 1 << (UInt64(task) % 64)
        count += 1
        while contains(firstMissing) { firstMissing += 1 }
        return true
    }
}
