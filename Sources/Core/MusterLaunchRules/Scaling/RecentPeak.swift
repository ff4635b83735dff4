internal import MusterCore

/// The largest of the numbers that were seen lately. A number holds until the next one is seen.
struct RecentPeak: Sendable {
    /// Falling: what is smaller than a later one is never the largest again.
    private var seen: [(number: Int, until: Moment)] = []

    mutating func add(_ number: Int, _ now: Moment) {
        if let last = seen.indices.last { seen[last].until = now }
        while let last = seen.last, last.number <= number { seen.removeLast() }
        seen.append((number, now))
    }

    /// Of those that held within this time before now.
    mutating func largest(within time: Duration, _ now: Moment) -> Int {
        while seen.count > 1, now - seen[0].until >= time { seen.removeFirst() }
        return seen.first?.number ?? 0
    }
}
