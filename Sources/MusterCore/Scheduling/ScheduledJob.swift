/// Tasks that wait to be granted again, all with the same past.
struct PendingRun: Hashable, Sendable {
    var tasks: Range<Int>
    /// Number of the attempt that the next grant will be.
    var attempt: Int
    /// How often these tasks have failed.
    var failures: Int
}

/// One unfinished job in the scheduler's memory: ranges and counts, never an object a task.
struct ScheduledJob: Sendable {
    let record: JobRecord
    /// Nothing of it is stored: its results go to whoever waits for them, and it ends with this process.
    var isTransient = false
    /// Fresh tasks from here on are not granted yet, so that results nobody has room for are not made.
    var horizon: Int
    /// First task that was never granted; those from here to the end are fresh.
    var nextFresh = 0
    /// Tasks that came back, first in line. The last element goes out first.
    private(set) var comeBack: [PendingRun] = []
    private var comeBackCount = 0
    /// Tasks with a result that is durable or on its way to the store. They are never granted again.
    var taken = RangeSet<Int>()
    var takenCount = 0
    /// The part of `taken` that is on its way.
    var committing = RangeSet<Int>()
    var commitsUnderWay = 0
    /// Durable counts.
    var done = 0
    var failed = 0
    var workers: [String: Int] = [:]
    var leases: Set<LeaseKey> = []
    var casualties = Casualties()
    /// Measured seconds of computing a task; nil until the first report.
    var secondsPerTask: Double?
    /// Set while an end is on its way to the store: nothing is granted then.
    var ending: JobState?
    /// The highest attempt of any grant so far.
    var highestAttempt = 0
    /// When the ring last gave this job a turn; the lowest is next.
    var lastTurn: UInt64 = 0

    init(transient record: JobRecord, horizon: Int) {
        self.record = record
        self.horizon = min(record.count, horizon)
        isTransient = true
    }

    init(_ restored: RestoredJob) {
        record = restored.job.record
        horizon = record.count
        taken = restored.recorded
        takenCount = restored.recorded.ranges.reduce(0) { $0 + $1.count }
        done = restored.job.done
        failed = restored.job.failed
        workers = restored.job.workers
    }

    var isComplete: Bool { takenCount == record.count }
    var hasWork: Bool { ending == nil && (nextFresh < horizon || !comeBack.isEmpty) }
    /// Tasks not yet granted, those taken meanwhile included: an upper bound, good enough to divide work by.
    var waitingCount: Int { record.count - nextFresh + comeBackCount }
    /// Those of them that may be granted now.
    var grantableCount: Int { max(0, horizon - nextFresh) + comeBackCount }

    mutating func take(_ tasks: RangeSet<Int>) {
        for range in tasks.ranges { takenCount += range.count }
        taken.formUnion(tasks)
    }

    mutating func giveUp(_ tasks: RangeSet<Int>) {
        for range in tasks.ranges { takenCount -= range.count }
        taken.subtract(tasks)
    }

    /// Puts tasks back in front of the line.
    mutating func comeBack(_ tasks: RangeSet<Int>, attempt: Int, failures: Int) {
        for range in tasks.subtracting(taken).ranges.reversed() {
            push(PendingRun(tasks: range, attempt: attempt, failures: failures))
        }
    }

    private mutating func push(_ run: PendingRun) {
        comeBack.append(run)
        comeBackCount += run.tasks.count
    }

    private mutating func pop() -> PendingRun? {
        guard let run = comeBack.popLast() else { return nil }
        comeBackCount -= run.tasks.count
        return run
    }

    /// Forgets who was given what: every task without a result is in line again.
    mutating func lineUpEverything() {
        comeBack = []
        comeBackCount = 0
        comeBack(RangeSet(0..<nextFresh), attempt: highestAttempt + 1, failures: 0)
    }

    /// Cuts the next run of at most `size` tasks off the line; nil when only taken tasks were left.
    mutating func cut(atMost size: Int) -> PendingRun? {
        while let run = pop() {
            guard let tasks = firstUntaken(in: run.tasks) else { continue }
            let piece = prefix(of: tasks, atMost: size)
            let rest = piece.upperBound..<run.tasks.upperBound
            if !rest.isEmpty {
                push(PendingRun(tasks: rest, attempt: run.attempt, failures: run.failures))
            }
            return PendingRun(tasks: piece, attempt: run.attempt, failures: run.failures)
        }
        while nextFresh < horizon {
            guard let tasks = firstUntaken(in: nextFresh..<horizon) else {
                nextFresh = horizon
                break
            }
            let piece = prefix(of: tasks, atMost: size)
            nextFresh = piece.upperBound
            return PendingRun(tasks: piece, attempt: 1, failures: 0)
        }
        return nil
    }

    private func prefix(of tasks: Range<Int>, atMost size: Int) -> Range<Int> {
        casualties.safePrefix(of: tasks.lowerBound..<min(tasks.upperBound, tasks.lowerBound + size))
    }

    private func firstUntaken(in tasks: Range<Int>) -> Range<Int>? {
        RangeSet(tasks).subtracting(taken).ranges.first
    }

    mutating func measured(seconds: Double, tasks: Int) {
        let latest = max(0, seconds) / Double(max(1, tasks))
        secondsPerTask = secondsPerTask.map { ($0 + latest) / 2 } ?? latest
    }
}
