internal import MusterCore

/// A database that tells of nothing before it is durable, loses what was not when it crashes, and may be full.
/// What contradicts what is stored is a violation: the shipping store would refuse it, the core must never ask.
final class SimStore {
    struct Job {
        var record: JobRecord
        var state: JobState?
        var isHeld = false
        /// Why the fleet cancels it is told.
        var isExplained = false
        var results: [ResultRecord] = []
        var recorded = RangeSet<Int>()
        var begun: [Int: BegunTask] = [:]
        /// Of tasks without a result, by machine.
        var votes: [VoteRecord] = []

        /// Tasks of these that this machine has a vote on.
        func voted(_ tasks: Range<Int>, by machine: MachineID) -> RangeSet<Int> {
            var found = RangeSet<Int>()
            for vote in votes where vote.machine == machine {
                found.insert(contentsOf: vote.tasks.clamped(to: tasks))
            }
            return found
        }
    }

    private(set) var jobs: [JobID: Job] = [:]
    private(set) var members: [MemberID: MemberRecord] = [:]
    private(set) var lastIDs: (job: Int64, member: Int64, joinOrder: Int64) = (0, 0, 0)
    private(set) var recordedTasks = 0
    private(set) var standings: [MachineID: Reliability.Standing] = [:]
    var isFull = false
    private let bug: PlantedBug?
    private let checker: SimChecker
    private let commits: SimCommits

    init(_ clock: SimClock, _ checker: SimChecker, bug: PlantedBug?, seed: UInt64) {
        self.checker = checker
        self.bug = bug
        commits = SimCommits(clock, seed: seed)
        commits.keep = { [unowned self] in isFull ? refuse($0) : keep($0) }
    }

    /// `completion` gets nil when durable, else the reason.
    func commit(_ writes: [StoreWrite], completion: @escaping (String?) -> Void) {
        let hasVotes = writes.contains { if case .addVotes = $0 { true } else { false } }
        guard bug == .earlyAcknowledge || (bug == .earlyVotes && hasVotes) else {
            return commits.add(writes, completion: completion)
        }
        commits.add(writes) { _ in }
        completion(nil)
    }

    private func keep(_ writes: [StoreWrite]) -> String? {
        for write in writes { apply(write) }
        return nil
    }

    private func refuse(_ writes: [StoreWrite]) -> String? {
        if bug == .halfGroup { for write in writes.prefix((writes.count + 1) / 2) { apply(write) } }
        return "disk full"
    }

    /// kill -9 of the process.
    func crash() { commits.crash(isFull: isFull) }

    private func apply(_ write: StoreWrite) {
        switch write {
        case .createJob(let record):
            checker.require(jobs[record.id] == nil, "job \(record.id) was created twice")
            jobs[record.id] = Job(record: record, isHeld: !record.after.isEmpty)
            lastIDs.job = max(lastIDs.job, record.id.rawValue)
        case .addResults(let record): add(record)
        case .noteBegun(let tasks): for task in tasks { jobs[task.job]?.begun[task.task] = task }
        case .dropBegun(let id, let tasks): for task in tasks { jobs[id]?.begun[task] = nil }
        case .endJob(let id, let state, _): end(id, state)
        case .releaseJob(let id): jobs[id]?.isHeld = false
        case .explainJob(let id, _): jobs[id]?.isExplained = true
        case .saveMember(let record):
            members[record.id] = record
            lastIDs.member = max(lastIDs.member, record.id.rawValue)
            lastIDs.joinOrder = max(lastIDs.joinOrder, record.joinOrder)
        case .removeMember(let id): members[id] = nil
        // The simulation has no children yet.
        case .addVotes(let record): add(record)
        case .removeVotes(let id, let tasks):
            let votes = jobs[id]?.votes ?? []
            jobs[id]?.votes = votes.flatMap { $0.without(tasks) }
        case .removeVotesOf(let machine):
            for id in jobs.keys { jobs[id]!.votes.removeAll { $0.owner == machine } }
        case .saveStanding(let machine, let standing): standings[machine] = standing
        case .sawMachine, .contributed, .saveToken: break
        // Nobody has a job run again here.
        case .addInputs, .reopenJob, .forgetJob, .removeLeftovers, .setMeta, .saveChild, .addNumbers, .compactNumbers,
            .saveCommand, .endCommand,
            .saveCursors,
            .saveExceptions, .forgetProgress:
            break
        }
    }

    private func add(_ record: ResultRecord) {
        guard let job = jobs[record.job] else { return checker.fail("a result of unknown job \(record.job)") }
        let tasks = RangeSet(record.first..<record.first + record.count)
        checker.require(job.state == nil, "a result of job \(record.job), which is \(job.state?.rawValue ?? "")")
        checker.require(
            job.recorded.intersection(tasks).isEmpty, "tasks \(record.first)+\(record.count) of job \(record.job) twice"
        )
        checker.checkRecorded(record)
        jobs[record.job]!.recorded.formUnion(tasks)
        jobs[record.job]!.results.append(record)
        recordedTasks += record.count
    }

    private func add(_ record: VoteRecord) {
        guard let job = jobs[record.result.job] else {
            return checker.fail("a vote on unknown job \(record.result.job)")
        }
        checker.require(
            job.voted(record.tasks, by: record.machine).isEmpty,
            "\(record.machine) votes twice on job \(record.result.job), tasks \(record.tasks)")
        checker.require(
            job.recorded.intersection(RangeSet(record.tasks)).isEmpty,
            "\(record.machine) votes on decided tasks \(record.tasks) of job \(record.result.job)")
        jobs[record.result.job]!.votes.append(record)
        checker.voted(record)
    }

    private func end(_ id: JobID, _ state: JobState) {
        guard let job = jobs[id] else { return checker.fail("an end of unknown job \(id)") }
        checker.require(job.state == nil, "job \(id) ended twice")
        let count = job.recorded.ranges.reduce(0) { $0 + $1.count }
        if state != .cancelled {
            checker.require(count == job.record.count, "job \(id) ended with \(count) of \(job.record.count) results")
            let failed = job.results.contains { if case .failure = $0.outcome { true } else { false } }
            checker.require((state == .failed) == failed, "job \(id) ended as \(state.rawValue)")
        }
        jobs[id]!.state = state
        jobs[id]!.votes = []
    }

    // MARK: What a restarted coordinator reads

    var unfinishedJobs: [RestoredJob] {
        jobs.values.filter { $0.state == nil }.sorted { $0.record.id < $1.record.id }.map { job in
            var stored = StoredJob(record: job.record, state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:])
            for result in job.results {
                if case .failure = result.outcome { stored.failed += 1 } else { stored.done += result.count }
                stored.workers[result.worker, default: 0] += result.count
            }
            var restored = RestoredJob(
                job: stored, recorded: bug == .forgetsRecorded ? RangeSet() : job.recorded, votes: job.votes)
            restored.isHeld = job.isHeld
            restored.begun = job.begun.values.sorted { $0.task < $1.task }
            return restored
        }
    }
}

extension VoteRecord {
    var tasks: Range<Int> { result.first..<result.first + result.count }

    /// What is left of it beside these tasks.
    func without(_ gone: Range<Int>) -> [VoteRecord] {
        RangeSet(tasks).subtracting(RangeSet(gone)).ranges.map { rest in
            var left = self
            left.result.first = rest.lowerBound
            left.result.count = rest.count
            let place = rest.lowerBound - result.first..<rest.upperBound - result.first
            left.result.secondsLines = LineColumn(bytes: result.secondsLines, count: result.count).slice(place).bytes
            if case .values(let lines) = result.outcome {
                left.result.outcome = .values(lines: LineColumn(bytes: lines, count: result.count).slice(place).bytes)
            }
            return left
        }
    }
}
