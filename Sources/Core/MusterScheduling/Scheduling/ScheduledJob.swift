internal import MusterCore
internal import RunRules

/// Tasks that wait to be granted again, all with the same past.
struct PendingRun: Hashable, Sendable {
    var tasks: Range<Int>
    /// Number of the attempt that the next grant will be.
    var attempt: Int
    /// How often these tasks have failed.
    var failures: Int
    /// How often a worker could not run them by its own fault, and no other was there.
    var faults = 0
    /// Where they failed last.
    var failedAt: MemberID?

    /// The same past, of other tasks.
    func cut(to tasks: Range<Int>) -> PendingRun {
        var run = self
        run.tasks = tasks
        return run
    }
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
    /// Deaths of volunteers: they have their tasks go out in small pieces too, but are believed less.
    var volunteerCasualties = Casualties()
    /// Volunteers' machines that died with nothing but this task.
    var volunteerDeaths: [Int: Set<MachineID>] = [:]
    /// What is voted on; nil for a job that has nothing of the kind.
    var ballots: Ballots?
    /// Settled by the first vote; from then on the same as long as the job is known.
    var electorate: Electorate?
    /// Measured seconds of computing a task; nil until the first report.
    var secondsPerTask: Double?
    /// What a task of an earlier job like this took.
    var guessedSeconds: Double?
    /// Set while an end is on its way to the store: nothing is granted then.
    var ending: JobState?
    /// The highest attempt of any grant so far.
    var highestAttempt = 0
    /// When the ring last gave this job a turn; the lowest is next.
    var lastTurn: UInt64 = 0

    /// Its starts lie apart: none comes before this moment.
    var pausedUntil: Moment?
    /// What workers may have from before this process, of a job of which nothing is run twice.
    private(set) var begunBefore: [BegunTask] = []
    /// What workers were told to end for a cancel that is on its way to the store, of such a job.
    var revoked: Set<LeaseKey> = []
    /// Nothing of it is begun any more; it ends when what runs has ended.
    var isHalting = false
    /// How near it is to its halt; nil: it has no rule for one.
    var haltWatch: HaltWatch?

    /// What failed and is to be tried again.
    var retries = Retries()
    /// Workers that cannot run its tasks, and until when they are not asked again.
    var refusals: [MemberID: Moment] = [:]
    /// What went wrong last, for people; empty: nothing.
    var trouble = ""
    /// When it was handed in here, and how old it was then.
    var addedAt = Moment.zero
    private let age: Duration

    /// Whose tasks are whose; nil for a job that anyone may take from.
    private(set) var deal: Deal?
    /// Those of a deal that is over: the job may still stand in their lines.
    private var formerMembers: [MemberID] = []

    init(transient record: JobRecord, horizon: Int) {
        self.record = record
        self.horizon = min(record.count, horizon)
        isTransient = true
        age = .zero
    }

    init(_ restored: RestoredJob) {
        record = restored.job.record
        age = restored.age
        defer { for vote in restored.votes { restore(vote) } }
        horizon = restored.isHeld ? 0 : record.count
        taken = restored.recorded
        takenCount = restored.recorded.ranges.reduce(0) { $0 + $1.count }
        done = restored.job.done
        failed = restored.job.failed
        workers = restored.job.workers
        leaveToWorkers(restored.begun)
        let before = restored.job.doneBefore
        haltWatch = record.halt.map {
            HaltWatch($0, of: record.count - before, succeeded: done - before, failed: failed)
        }
    }

    /// These are not in line: their workers may come back with them.
    private mutating func leaveToWorkers(_ begun: [BegunTask]) {
        begunBefore = isHeld ? [] : begun.filter { $0.task < record.count && !taken.contains($0.task) }
        guard !begunBefore.isEmpty else { return }
        var others = RangeSet(0..<record.count)
        for task in begunBefore { others.remove(contentsOf: task.task..<task.task + 1) }
        nextFresh = record.count
        highestAttempt = begunBefore.map(\.attempt).max() ?? 0
        comeBack(others, from: nil, attempt: 1, failures: 0)
    }

    /// A new job whose tasks belong to these, in turn; to anyone when there is none, or when it is held.
    init(_ new: RestoredJob, dealtTo members: [MemberID]) {
        self.init(new)
        deal = isHeld ? nil : Deal(count: record.count, to: members)
        guard deal != nil else { return }
        nextFresh = record.count
        comeBackCount = record.count
    }

    var isComplete: Bool { takenCount == record.count }
    /// Nothing of it is granted yet: it waits for other jobs.
    var isHeld: Bool { horizon == 0 && !isTransient }
    /// Whether there is work for anyone; a dealt job's is in its shares.
    var hasWork: Bool {
        ending == nil && record.quorum == nil && hasRoom && (hasWorkForAll || retries.waitingCount > 0)
    }
    /// Whether there is work that nobody is to leave to others.
    var hasWorkForAll: Bool { nextFresh < horizon || !comeBack.isEmpty }
    /// Whether one more batch of it may go out.
    var hasRoom: Bool {
        record.atMost.map { leases.count < $0 } ?? true && pausedUntil == nil && !isHalting
            && haltWatch?.mayBegin != false
    }
    /// Tasks not yet granted, those taken meanwhile included: an upper bound, good enough to divide work by.
    var waitingCount: Int { record.count - nextFresh + comeBackCount + retries.count }
    /// Those of them that may be granted now.
    var grantableCount: Int { max(0, horizon - nextFresh) + comeBackCount + retries.waitingCount }
    /// From its making to this moment.
    func elapsed(at now: Moment) -> Duration { age + max(.zero, now - addedAt) }

    mutating func take(_ tasks: RangeSet<Int>) {
        for range in tasks.ranges { takenCount += range.count }
        taken.formUnion(tasks)
    }

    mutating func giveUp(_ tasks: RangeSet<Int>) {
        for range in tasks.ranges { takenCount -= range.count }
        taken.subtract(tasks)
    }

    /// Puts tasks back in front of the line: of a dealt job, of the line of the member that had them, unless that one is to be
    /// avoided and others are there.
    mutating func comeBack(
        _ tasks: RangeSet<Int>, from member: MemberID?, attempt: Int, failures: Int, faults: Int = 0,
        isAvoided: Bool = false
    ) {
        let runs = tasks.subtracting(taken).ranges.map {
            PendingRun(tasks: $0, attempt: attempt, failures: failures, faults: faults)
        }
        lineUp(runs, for: member, isAvoided: isAvoided)
    }

    /// Puts tasks that have rested in line: for another worker than the last, where anyone may take from the job.
    mutating func tryAgain(_ run: PendingRun, _ now: Moment) {
        let runs = untaken([run])
        guard deal == nil, run.failedAt != nil else { return lineUp(runs, for: run.failedAt, isAvoided: true) }
        for run in runs { retries.wait(run, since: now) }
    }

    private mutating func lineUp(_ runs: [PendingRun], for member: MemberID?, isAvoided: Bool = false) {
        for run in runs { comeBackCount += run.tasks.count }
        if deal?.line(up: runs, for: member, isAvoided: isAvoided) == true { return }
        comeBack += runs.reversed()
        // Nobody of the deal is left: anyone may take anything of it.
        guard var over = deal else { return }
        comeBack += over.emptyAll().reversed()
        formerMembers = over.members
        deal = nil
    }

    private mutating func push(_ run: PendingRun, for member: MemberID?) {
        if let member { deal?.push(run, to: member) } else { comeBack.append(run) }
        comeBackCount += run.tasks.count
    }

    private mutating func pop(for member: MemberID?) -> PendingRun? {
        let next = if let member { deal?.pop(of: member) } else { comeBack.popLast() }
        guard let run = next else { return nil }
        comeBackCount -= run.tasks.count
        return run
    }

    /// Deals what waits for this member to the others: it is suspected, or gone.
    mutating func dealAgain(from member: MemberID, isGone: Bool) {
        deal?.suspect(member)
        if isGone { deal?.lose(member) }
        guard let runs = deal?.empty(member), !runs.isEmpty else { return }
        comeBackCount -= runs.reduce(0) { $0 + $1.tasks.count }
        lineUp(untaken(runs), for: member)
    }

    /// Those whose lines the job is to leave because its deal is over; asked once.
    mutating func takeFormerMembers() -> [MemberID] {
        defer { formerMembers = [] }
        return formerMembers
    }

    /// The member is no longer suspected and has its part of what is dealt again.
    mutating func welcome(_ member: MemberID) { deal?.welcome(member) }

    mutating func tookTurn(_ turn: UInt64, _ member: MemberID?) {
        if let member { deal?.tookTurn(member, at: turn) } else { lastTurn = turn }
    }

    private func untaken(_ runs: [PendingRun]) -> [PendingRun] {
        runs.flatMap { run in
            RangeSet(run.tasks).subtracting(taken).ranges.map { run.cut(to: $0) }
        }
    }

    /// Forgets who was given what: every task without a result is in line again.
    mutating func lineUpEverything() {
        comeBack = []
        comeBackCount = 0
        (retries, refusals) = (Retries(), [:])
        _ = deal?.emptyAll()
        ballots?.releaseAll()
        // Dealt again from the first block on, to those that live.
        let others = RangeSet(0..<nextFresh).subtracting(ballots?.open ?? RangeSet())
        comeBack(others, from: nil, attempt: highestAttempt + 1, failures: 0)
    }

    /// Cuts the next run of at most `size` tasks off the line, or off a member's share of the deal; nil when only taken
    /// tasks were left. What failed at `caller` is left to others, unless that one is `alone`.
    mutating func cut(atMost size: Int, for member: MemberID?, by caller: MemberID, alone: Bool) -> PendingRun? {
        while let run = pop(for: member) {
            guard let tasks = firstUntaken(in: run.tasks) else { continue }
            let piece = prefix(of: tasks, atMost: size)
            let rest = piece.upperBound..<run.tasks.upperBound
            if !rest.isEmpty { push(run.cut(to: rest), for: member) }
            return run.cut(to: piece)
        }
        while member == nil, let (run, since) = retries.take(for: caller, alone: alone) {
            guard let tasks = firstUntaken(in: run.tasks) else { continue }
            let piece = prefix(of: tasks, atMost: size)
            let rest = piece.upperBound..<run.tasks.upperBound
            if !rest.isEmpty { retries.wait(run.cut(to: rest), since: since) }
            return run.cut(to: piece)
        }
        while member == nil, nextFresh < horizon {
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

    func prefix(of tasks: Range<Int>, atMost size: Int) -> Range<Int> {
        let safe = casualties.safePrefix(of: tasks.lowerBound..<min(tasks.upperBound, tasks.lowerBound + size))
        return volunteerCasualties.isEmpty ? safe : volunteerCasualties.safePrefix(of: safe)
    }

    /// What is voted on is handed out elsewhere.
    func firstUntaken(in tasks: Range<Int>) -> Range<Int>? {
        let untaken = RangeSet(tasks).subtracting(taken)
        guard let ballots else { return untaken.ranges.first }
        return untaken.subtracting(ballots.open).ranges.first
    }

    mutating func measured(seconds: Double, tasks: Int) {
        let latest = max(0, seconds) / Double(max(1, tasks))
        secondsPerTask = secondsPerTask.map { ($0 + latest) / 2 } ?? latest
    }
}
