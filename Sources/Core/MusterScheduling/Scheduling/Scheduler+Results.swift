internal import MusterCore

/// A group of writes of one job that is on its way to the store.
struct PendingCommit: Sendable {
    let job: JobID
    var delivery: DeliveryID?
    /// The report's place in its delivery.
    var report = 0
    var taken = RangeSet<Int>()
    var values = 0
    var failures = 0
    var worker = ""
    /// Whose grant it was.
    var member: MemberID?
    /// That grant, where the group is about one.
    var key: LeaseKey?
    /// Set when the group ends the job.
    var end: JobState?
    /// Tasks that it has votes on, and whose.
    var voted = RangeSet<Int>()
    var machine: MachineID?
    /// Whether it is what votes came to; then who computed how many of the results.
    var isDecision = false
    var shares: [String: Int] = [:]

    var votedCount: Int { voted.ranges.reduce(0) { $0 + $1.count } }

    init(job: JobID, end: JobState? = nil) {
        self.job = job
        self.end = end
    }
}

/// A delivery whose answer waits for commits.
struct PendingDelivery: Sendable {
    var verdicts: [ReportVerdict?]
}

/// Who delivered, and when.
struct ReportSource {
    let delivery: DeliveryID
    let member: MemberID
    let worker: String
}

extension Scheduler {
    mutating func receive(
        _ reports: [TaskReport], _ source: ReportSource, _ now: Moment, _ effects: inout [SchedulerEffect]
    ) {
        deliveries[source.delivery] = PendingDelivery(verdicts: Array(repeating: nil, count: reports.count))
        for (place, report) in reports.enumerated() {
            if let verdict = judge(report, place, source, now, &effects) {
                deliveries[source.delivery]!.verdicts[place] = verdict
            }
        }
        answerIfDecided(source.delivery, &effects)
        serve(now, &effects)
    }

    /// The verdict, or nil when it waits for a commit.
    private mutating func judge(
        _ report: TaskReport, _ place: Int, _ source: ReportSource, _ now: Moment, _ effects: inout [SchedulerEffect]
    ) -> ReportVerdict? {
        guard isHonest(report, from: source.member) else {
            count { $0.forged += 1 }
            return .forged
        }
        let id = report.key.job
        if let job = jobs[id], !job.committing.intersection(RangeSet(report.tasks)).isEmpty {
            return .again("another delivery of the same tasks is being stored")
        }
        guard let job = jobs[id], job.ending == nil, report.key.tasks.upperBound <= job.record.count,
            !isBarred(source.member)
        else {
            count { $0.stale += 1 }
            return .stale
        }
        guard job.isTransient == (report.blobs != nil) else {
            count { $0.forged += 1 }
            return .forged
        }
        measure(report, now)
        var wanted = RangeSet(report.tasks).subtracting(job.taken)
        let isStale = wanted.isEmpty
        wanted.subtract(handBackFaults(of: report, wanted, now, &effects))
        if job.isVotedOn || isVolunteer(source.member) {
            return judge(
                report, wanted, withVotesOn: tasksToVoteOn(report, wanted, voter(source.member)), isStale, place,
                source, now, &effects)
        }
        let wasHeld = leases[report.key] != nil
        let final = settle(report, wanted, source.worker, now)
        guard !final.isEmpty else {
            if wasHeld { dropNote(report.key, &effects) }
            if isStale { count { $0.stale += 1 } }
            return isStale ? .stale : .recorded(0)
        }
        record(report, final, place, source, (RangeSet(), []), &effects)
        return nil
    }

    private mutating func judge(
        _ report: TaskReport, _ wanted: RangeSet<Int>, withVotesOn tasks: RangeSet<Int>, _ wasStale: Bool,
        _ place: Int, _ source: ReportSource, _ now: Moment, _ effects: inout [SchedulerEffect]
    ) -> ReportVerdict? {
        let id = report.key.job
        var votes: (tasks: RangeSet<Int>, records: [VoteRecord]) = (RangeSet(), [])
        if !tasks.isEmpty {
            let held = leases[report.key]?.open ?? RangeSet()
            guard let new = vote(report, tasks, source, held: held) else {
                return .again("another vote of the same machine is being stored")
            }
            votes = new
            let repeated = tasks.subtracting(new.tasks).intersection(held)
            // A vote that came late, while another worker of the same machine held the task.
            if !repeated.isEmpty {
                jobs[id]!.ballots!.release(repeated, by: ballotName(of: source.member, in: id))
                noteVoting(id)
            }
        }
        let rest = wanted.subtracting(tasks)
        let wasHeld = leases[report.key] != nil
        let final = settle(report, rest, source.worker, now)
        guard !final.isEmpty || !votes.tasks.isEmpty else {
            if wasHeld { dropNote(report.key, &effects) }
            // Nothing but votes that it has given already, or nothing that anybody wanted.
            let isStale = rest.isEmpty && (wasStale || !wanted.isEmpty)
            if isStale { count { $0.stale += 1 } }
            return isStale ? .stale : .recorded(0)
        }
        record(report, final, place, source, votes, &effects)
        return nil
    }

    private func isHonest(_ report: TaskReport, from member: MemberID) -> Bool {
        report.key.member == member && !report.tasks.isEmpty
            && report.tasks.lowerBound >= report.key.tasks.lowerBound
            && report.tasks.upperBound <= report.key.tasks.upperBound
            && report.seconds.count == report.values.count
            && report.blobs.map { $0.count == report.values.count } ?? true
            && report.failures.allSatisfy { report.tasks.contains($0.task) }
            && zip(report.failures, report.failures.dropFirst()).allSatisfy { $0.task < $1.task }
            && sealer.isGenuine(report.ticket, for: report.key)
    }

    private mutating func record(
        _ report: TaskReport, _ final: RangeSet<Int>, _ place: Int, _ source: ReportSource,
        _ votes: (tasks: RangeSet<Int>, records: [VoteRecord]), _ effects: inout [SchedulerEffect]
    ) {
        let id = report.key.job
        let isTransient = jobs[id]!.isTransient
        let records = isTransient ? [] : resultRecords(of: report, final, worker: source.worker)
        var pending = PendingCommit(job: id)
        pending.delivery = source.delivery
        pending.report = place
        pending.taken = final
        pending.worker = source.worker
        (pending.member, pending.key) = (source.member, report.key)
        for record in records {
            if case .failure = record.outcome { pending.failures += 1 } else { pending.values += record.count }
        }
        pending.voted = votes.tasks
        pending.machine = votes.tasks.isEmpty ? nil : ballotName(of: source.member, in: pending.job)
        if isTransient && !final.isEmpty {
            let results = transientResults(of: report, final, worker: source.worker)
            for result in results {
                if case .failure = result.outcome { pending.failures += 1 } else { pending.values += 1 }
            }
            effects.append(.produced(id, results))
        }
        jobs[id]!.take(final)
        jobs[id]!.committing.formUnion(final)
        var writes = records.map { StoreWrite.addResults($0) } + votes.records.map { .addVotes($0) }
        if onceOnly.contains(id) { writes += final.ranges.map { .dropBegun(id, $0) } }
        endWith(&pending, &writes)
        writes += contribution(report, source.member)
        commit(pending, writes, &effects)
    }

    /// One fsync less for a job's last results: its end goes with them, unless an earlier group could still fail.
    mutating func endWith(_ pending: inout PendingCommit, _ writes: inout [StoreWrite]) {
        let id = pending.job
        guard let job = jobs[id], job.isComplete, job.commitsUnderWay == 0 else { return }
        let state: JobState = job.failed + pending.failures > 0 ? .failed : .done
        pending.end = state
        jobs[id]!.ending = state
        writes.append(.endJob(id, state, endedMs: endedMs(of: id)))
    }

    mutating func committed(_ commitID: CommitID, _ effects: inout [SchedulerEffect]) {
        guard let pending = commits.removeValue(forKey: commitID) else { return }
        let id = pending.job
        jobs[id]?.commitsUnderWay -= 1
        if !pending.taken.isEmpty {
            tally(pending)
            effects.append(.progressed(id))
        }
        if let delivery = pending.delivery {
            deliveries[delivery]?.verdicts[pending.report] = .recorded(
                pending.values + pending.failures + pending.votedCount)
            answerIfDecided(delivery, &effects)
        }
        if let machine = pending.machine, jobs[id] != nil {
            count { $0.votes += pending.votedCount }
            jobs[id]!.ballots?.madeDurable(pending.voted, of: machine)
            decide(id, pending.voted, &effects)
        }
        if let end = pending.end {
            revokeLeases(of: id, &effects)
            leaveLine(id)
            jobs[id] = nil
            votingJobs.remove(id)
            onceOnly.remove(id)
            effects.append(.ended(id, end))
        } else {
            finishIfComplete(id, &effects)
        }
    }

    private mutating func tally(_ pending: PendingCommit) {
        let id = pending.job
        jobs[id]?.committing.subtract(pending.taken)
        if jobs[id]?.ballots != nil { jobs[id]!.ballots!.end(pending.taken) }
        jobs[id]?.done += pending.values
        jobs[id]?.failed += pending.failures
        // Nobody computed a parked task.
        if !pending.worker.isEmpty {
            jobs[id]?.workers[pending.worker, default: 0] += pending.values + pending.failures
        }
        for (worker, tasks) in pending.shares where !worker.isEmpty { jobs[id]?.workers[worker, default: 0] += tasks }
        count {
            $0.recorded += pending.values
            $0.failed += pending.failures
        }
    }

    mutating func commitFailed(
        _ commitID: CommitID, _ reason: String, _ now: Moment, _ effects: inout [SchedulerEffect]
    ) {
        guard let pending = commits.removeValue(forKey: commitID) else { return }
        let id = pending.job
        jobs[id]?.commitsUnderWay -= 1
        unhaltIfMissed(id, by: pending)
        if let end = pending.end {
            jobs[id]?.ending = nil
            if end == .cancelled {
                jobs[id]?.lineUpEverything()
                loseRevoked(of: id, &effects)
                // What became durable meanwhile was not looked at.
                if let open = jobs[id]?.ballots?.open { decisionsToRetry[id] = open }
                noteVoting(id)
                effects.append(.cancelFailed(id, reason: reason))
            } else {
                endsToRetry.insert(id)
            }
        }
        jobs[id]?.committing.subtract(pending.taken)
        jobs[id]?.giveUp(pending.taken)
        // The worker will deliver again; whether it or another attempt is first does not matter.
        let attempt = (jobs[id]?.highestAttempt ?? 0) + 1
        let undecided = takeBack(pending)
        if let key = pending.key, jobs[id] != nil, !runsAgain(key) {
            if !pending.taken.isEmpty { holdAgain(key, now) }
        } else {
            jobs[id]?.comeBack(
                pending.taken.subtracting(undecided), from: pending.member, attempt: attempt, failures: 0)
        }
        line(up: id)
        if let delivery = pending.delivery {
            deliveries[delivery]?.verdicts[pending.report] = .again(reason)
            answerIfDecided(delivery, &effects)
        }
        serve(now, &effects)
    }

    /// Votes that the store refused never were, and what they came to is still open. The tasks of that.
    private mutating func takeBack(_ pending: PendingCommit) -> RangeSet<Int> {
        let id = pending.job
        guard let ballots = jobs[id]?.ballots else { return RangeSet() }
        if let machine = pending.machine { jobs[id]!.ballots!.withdraw(pending.voted, of: machine) }
        let undecided = pending.taken.intersection(ballots.open)
        if !undecided.isEmpty {
            jobs[id]!.ballots!.set(decided: false, undecided)
            if pending.isDecision { decisionsToRetry[id, default: RangeSet()].formUnion(undecided) }
        }
        noteVoting(id)
        return undecided
    }

    /// Ends a job all of whose tasks have durable results, once nothing of it is on its way any more.
    mutating func finishIfComplete(_ id: JobID, _ effects: inout [SchedulerEffect]) {
        endsToRetry.remove(id)
        guard let job = jobs[id], job.isComplete, job.commitsUnderWay == 0, job.ending == nil else { return }
        end(id, job.failed > 0 ? .failed : .done, &effects)
    }

    private mutating func answerIfDecided(_ delivery: DeliveryID, _ effects: inout [SchedulerEffect]) {
        guard let verdicts = deliveries[delivery]?.verdicts, verdicts.allSatisfy({ $0 != nil }) else { return }
        deliveries[delivery] = nil
        effects.append(.answer(delivery, verdicts.map { $0! }))
    }
}

private func transientResults(
    of report: TaskReport, _ final: RangeSet<Int>, worker: String
) -> [TransientResult] {
    let reasons = Dictionary(report.failures.map { ($0.task, $0.reason) }, uniquingKeysWith: { first, _ in first })
    return final.ranges.flatMap { $0 }.map { task in
        TransientResult(
            task: task,
            outcome: reasons[task].map { .failure($0) } ?? .bytes(report.blobs![task - report.start]),
            worker: worker)
    }
}

/// Cuts a report into records: each run of settled values one record, each failed task one of its own.
func resultRecords(of report: TaskReport, _ final: RangeSet<Int>, worker: String) -> [ResultRecord] {
    var records: [ResultRecord] = []
    var values = final
    for failure in report.failures where final.contains(failure.task) {
        values.remove(contentsOf: failure.task..<failure.task + 1)
        let left = report.isBinary ? nil : leftBehind(report, failure.task)
        records.append(record(failure.task..<failure.task + 1, .failure(failure.reason), left))
    }
    for run in values.ranges {
        let lines = report.values.slice(run.lowerBound - report.start..<run.upperBound - report.start)
        records.append(record(run, .values(lines: lines.bytes)))
    }
    func record(_ tasks: Range<Int>, _ outcome: ResultRecord.Outcome, _ output: [UInt8]? = nil) -> ResultRecord {
        let seconds = report.seconds.slice(tasks.lowerBound - report.start..<tasks.upperBound - report.start)
        return ResultRecord(
            job: report.key.job, first: tasks.lowerBound, count: tasks.count, worker: worker,
            attempt: report.key.attempt, outcome: outcome, secondsLines: seconds.bytes, output: output)
    }
    return records
}

/// What a failed task left, where that is something.
private func leftBehind(_ report: TaskReport, _ task: Int) -> [UInt8]? {
    let place = task - report.start
    let line = report.values.slice(place..<place + 1).bytes.dropLast()
    return line.elementsEqual("null".utf8) ? nil : Array(line)
}
