internal import MusterCore

/// Tasks of one job that failed and are to be tried again: first they rest, then they wait for another worker than the one
/// at which they failed last.
struct Retries: Sendable {
    /// Ends of rests are rounded up to so much, so that a look at the clock is a look at few places.
    private static let grain: Int64 = 100_000_000

    /// By the end of their rest, in grains.
    private var resting: [Int64: [PendingRun]] = [:]
    private var restingCount = 0
    /// By where they failed last, in the order in which they came.
    private var waiting: [MemberID: [(run: PendingRun, since: Moment)]] = [:]
    /// Tasks that rest no more, those taken meanwhile included.
    private(set) var waitingCount = 0

    var count: Int { restingCount + waitingCount }
    var isEmpty: Bool { resting.isEmpty && waiting.isEmpty }

    mutating func rest(_ run: PendingRun, until end: Moment) {
        resting[(end.nanoseconds + Self.grain - 1) / Self.grain, default: []].append(run)
        restingCount += run.tasks.count
    }

    /// Those whose rest is over, in the order in which it ended.
    mutating func takeRested(_ now: Moment) -> [PendingRun] {
        var rested: [PendingRun] = []
        for end in resting.keys.filter({ $0 <= now.nanoseconds / Self.grain }).sorted() {
            rested += resting.removeValue(forKey: end) ?? []
        }
        restingCount -= rested.reduce(0) { $0 + $1.tasks.count }
        return rested
    }

    /// `run` has failed somewhere.
    mutating func wait(_ run: PendingRun, since: Moment) {
        waiting[run.failedAt!, default: []].append((run, since))
        waitingCount += run.tasks.count
    }

    /// Whether there is something that this worker need not leave to others, or may take where it is alone.
    func hasWork(for member: MemberID, alone: @autoclosure () -> Bool) -> Bool {
        guard let own = waiting[member] else { return !waiting.isEmpty }
        return waiting.count > 1 || (!own.isEmpty && alone())
    }

    mutating func take(for member: MemberID, alone: Bool) -> (run: PendingRun, since: Moment)? {
        let others = waiting.keys.filter { $0 != member }.min()
        guard let place = others ?? (alone && waiting[member] != nil ? member : nil) else { return nil }
        let last = waiting[place]!.removeLast()
        if waiting[place]!.isEmpty { waiting[place] = nil }
        waitingCount -= last.run.tasks.count
        return last
    }

    /// Those that have waited for another worker since before this moment: anyone may have them now.
    mutating func takeOverdue(since limit: Moment) -> [PendingRun] {
        var overdue: [PendingRun] = []
        for member in waiting.keys.sorted() {
            let late = waiting[member]!.prefix { $0.since < limit }
            guard !late.isEmpty else { continue }
            overdue += late.map(\.run)
            waiting[member]!.removeFirst(late.count)
            if waiting[member]!.isEmpty { waiting[member] = nil }
        }
        waitingCount -= overdue.reduce(0) { $0 + $1.tasks.count }
        return overdue
    }

    /// All, with the end of their rest; nil for those that rest no more. In task order.
    func all() -> [(run: PendingRun, until: Moment?)] {
        let rested = waiting.values.flatMap { $0 }.map { (run: $0.run, until: Moment?.none) }
        let others = resting.flatMap { end, runs in
            runs.map { (run: $0, until: Optional(Moment(nanoseconds: end * Self.grain))) }
        }
        return (rested + others).sorted { $0.run.tasks.lowerBound < $1.run.tasks.lowerBound }
    }
}
