package import MusterCore

/// What failed: whose fault it is, when it is tried again, and where.
extension Scheduler {
    /// Whether some other worker could be granted a task of this job.
    func hasElsewhere(_ id: JobID, than member: MemberID) -> Bool {
        guard let job = jobs[id] else { return false }
        return kernelsOf.contains { other, kernels in
            other != member && kernels.contains(job.record.kernel) && job.refusals[other] == nil && isGrantable(other)
                && couldHold(job.record.needs, other)
        }
    }

    /// How long the job's tasks take, by those that succeeded: a failure may be quick or slow for any reason.
    mutating func measure(_ report: TaskReport, _ now: Moment) {
        let tasks = report.values.count - report.failures.count
        guard tasks > 0 else { return }
        var seconds = report.secondsTotal
        if !report.failures.isEmpty {
            let lines = report.seconds.lines
            for failure in report.failures {
                seconds -= Double(String(decoding: lines[failure.task - report.start], as: UTF8.self)) ?? 0
            }
        }
        if isVolunteer(report.key.member) {
            guard let lease = leases[report.key] else { return }
            // Whatever it says, it took no longer than since the grant.
            seconds = min(seconds, (now - lease.grantedAt).inSeconds)
        }
        jobs[report.key.job]!.measured(seconds: seconds, tasks: tasks)
        guard !isVolunteer(report.key.member), let job = jobs[report.key.job], !job.isTransient,
            let pace = job.secondsPerTask
        else { return }
        paces.note(pace, of: job.record)
    }

    /// Closes the lease over what was reported, has failed tasks that may be tried again rest, and returns the tasks that
    /// this report settles for good.
    mutating func settle(
        _ report: TaskReport, _ wanted: RangeSet<Int>, _ worker: String, _ now: Moment
    ) -> RangeSet<Int> {
        let id = report.key.job
        let lease = leases[report.key]
        let others = report.failures.isEmpty ? RangeSet() : heldTwice(report.key)
        close(report.key, over: RangeSet(report.tasks))
        var (final, again, left) = (wanted, RangeSet<Int>(), false)
        for failure in report.failures where wanted.contains(failure.task) {
            let task = failure.task..<failure.task + 1
            if failure.isOwnFault { continue }
            // A failure counts only while its lease is known: otherwise the task is in line again already. And only the
            // last of those that compute a task can fail it.
            let isOthers = others.contains(failure.task)
            if let lease, !isOthers, lease.failures + 1 >= jobs[id]!.record.attemptsMax { continue }
            final.remove(contentsOf: task)
            if lease != nil, !isOthers { again.insert(contentsOf: task) }
            left = left || isOthers
        }
        if let lease, left, !lease.isCopy { noteFailure(of: lease) }
        guard let lease, !again.isEmpty else { return final }
        jobs[id]!.trouble = Self.trouble(worker, report)
        rest(again, of: lease, failures: lease.failures + 1, faults: lease.faults, now)
        return final
    }

    /// What fails while a copy of it goes on has failed once for the copy, too.
    private mutating func noteFailure(of lease: Lease) {
        for key in jobs[lease.key.job]!.leases where key != lease.key && key.tasks.overlaps(lease.key.tasks) {
            leases[key]!.failures = max(leases[key]!.failures, lease.failures + 1)
        }
    }

    /// Tasks of a lease that is over for them are tried again after a while.
    private mutating func rest(
        _ tasks: RangeSet<Int>, of lease: Lease, failures: Int, faults: Int, _ now: Moment
    ) {
        let id = lease.key.job
        let wait = Backoff.retry(
            after: failures + faults, base: jobs[id]!.record.retryDelay, cap: Limits.retryDelayCap, using: &dice)
        for range in tasks.ranges {
            count { $0.retried += range.count }
            let run = PendingRun(
                tasks: range, attempt: lease.nextAttempt, failures: failures, faults: faults,
                failedAt: lease.key.member)
            if wait > .zero { jobs[id]!.retries.rest(run, until: now + wait) } else { jobs[id]!.tryAgain(run, now) }
        }
        jobsInTrouble.insert(id)
        line(up: id)
    }

    private static func trouble(_ worker: String, _ report: TaskReport) -> String {
        guard let failure = report.failures.last else { return "" }
        return "task \(failure.task) failed at \(worker): \(failure.reason.prefix(300))"
    }

    // MARK: Workers' own faults

    /// What a worker cannot run, by its own fault, goes to others at once, and this one gets no more of that job for a while.
    /// Where nobody else is there, it rests and is tried again, some times. The tasks that are in line again, or rest.
    mutating func handBackFaults(
        of report: TaskReport, _ wanted: RangeSet<Int>, _ now: Moment, _ effects: inout [SchedulerEffect]
    ) -> RangeSet<Int> {
        let (id, member) = (report.key.job, report.key.member)
        let faults = report.failures.filter { $0.isOwnFault && wanted.contains($0.task) }
        guard let first = faults.first else { return RangeSet() }
        let tasks = RangeSet(faults.map(\.task), within: 0..<jobs[id]!.record.count)
        // Whose lease is over: they are in line already.
        guard let lease = leases[report.key] else { return tasks }
        count { $0.refused += faults.count }
        jobs[id]!.trouble = "a worker cannot run it: \(first.reason.prefix(300))"
        refuse(id, at: member, first.reason, now, &effects)
        var open = tasks
        if let voted = jobs[id]!.ballots.map({ tasks.intersection($0.open) }), !voted.isEmpty {
            jobs[id]!.ballots!.release(voted, by: ballotName(of: member, in: id))
            noteVoting(id)
            open.subtract(voted)
        }
        open.subtract(heldTwice(report.key))
        guard !open.isEmpty else { return tasks }
        if hasElsewhere(id, than: member) {
            jobs[id]!.comeBack(
                open, from: member, attempt: lease.nextAttempt, failures: lease.failures, faults: lease.faults,
                isAvoided: true)
            line(up: id)
        } else if lease.faults + 1 < Limits.faultsMax {
            // Nobody is left: all may try again.
            jobs[id]!.refusals = [:]
            rest(open, of: lease, failures: lease.failures, faults: lease.faults + 1, now)
        } else {
            return tasks.subtracting(open)
        }
        return tasks
    }

    /// The worker gets none of the job's tasks for a while; what was dealt to it is dealt to others.
    private mutating func refuse(
        _ id: JobID, at member: MemberID, _ reason: String, _ now: Moment, _ effects: inout [SchedulerEffect]
    ) {
        if jobs[id]!.refusals[member] == nil { effects.append(.refused(id, member, reason: reason)) }
        jobs[id]!.refusals[member] = now + settings.refusalTime
        jobsInTrouble.insert(id)
        guard jobs[id]!.deal?.isAbout(member) == true else { return }
        leaveLine(id, of: member)
        jobs[id]!.dealAgain(from: member, isGone: true)
        line(up: id)
    }

    /// What has rested is in line again, refusals end, and what waited for another worker for too long is anybody's.
    mutating func lookAfterTroubles(_ now: Moment) {
        for id in jobsInTrouble.sorted() {
            guard let job = jobs[id], job.ending == nil else {
                jobsInTrouble.remove(id)
                continue
            }
            for run in jobs[id]!.retries.takeRested(now) { jobs[id]!.tryAgain(run, now) }
            let limit = Moment(nanoseconds: now.nanoseconds - settings.elsewhereTime.inNanoseconds)
            for run in jobs[id]!.retries.takeOverdue(since: limit) {
                jobs[id]!.comeBack(
                    RangeSet(run.tasks), from: nil, attempt: run.attempt, failures: run.failures, faults: run.faults)
            }
            let ended = job.refusals.filter { $0.value <= now }
            for member in ended.keys { jobs[id]!.refusals[member] = nil }
            if !ended.isEmpty { noteVoting(id) }
            if jobs[id]!.retries.isEmpty, jobs[id]!.refusals.isEmpty { jobsInTrouble.remove(id) }
            line(up: id)
        }
    }

    /// A worker that is to go gets nothing more; what it has it may finish.
    mutating func drain(_ member: MemberID, _ effects: inout [SchedulerEffect]) {
        draining.insert(member)
        for call in calls.values.filter({ $0.member == member }).sorted(by: { $0.id.rawValue < $1.id.rawValue }) {
            forget(call: call.id)
            effects.append(.dismiss(call.id))
        }
        loseDeals(of: member)
    }

    // MARK: Looking

    /// Whether this worker finishes what it has and goes.
    package func isDraining(_ member: MemberID) -> Bool { draining.contains(member) }

    /// From its making to this moment, by the monotonic clock; nil for a job that is not known, or over.
    package func elapsed(of id: JobID, at now: Moment) -> Duration? { jobs[id]?.elapsed(at: now) }

    /// Why nothing of the job runs though it is not over, as far as its own tasks tell; nil: they do not.
    package func trouble(of id: JobID) -> String? {
        guard let job = jobs[id], job.leases.isEmpty, !job.retries.isEmpty || !job.refusals.isEmpty else { return nil }
        return job.trouble.isEmpty ? nil : job.trouble
    }

    /// What of a job is out, and what failed and is to be tried again, in task order, from this task on.
    package func tasks(of id: JobID, from task: Int, isRunning: Bool, atMost limit: Int) -> [TaskPlace] {
        guard let job = jobs[id] else { return [] }
        var places: [TaskPlace] = []
        if isRunning {
            for lease in job.leases.compactMap({ leases[$0] }) {
                for range in lease.open.subtracting(job.taken).ranges where range.upperBound > task {
                    places.append(
                        TaskPlace(
                            tasks: max(task, range.lowerBound)..<range.upperBound, member: lease.key.member,
                            attempt: lease.key.attempt, since: lease.grantedAt, until: nil))
                }
            }
        } else {
            for (run, until) in job.retries.all() where run.tasks.upperBound > task {
                places.append(
                    TaskPlace(
                        tasks: max(task, run.tasks.lowerBound)..<run.tasks.upperBound, member: run.failedAt,
                        attempt: run.attempt, since: nil, until: until))
            }
        }
        places.sort { ($0.tasks.lowerBound, $0.attempt) < ($1.tasks.lowerBound, $1.attempt) }
        return Array(places.prefix(limit))
    }
}

/// Where some tasks of a job are: out at a worker, or waiting to be tried again after they failed at one.
package struct TaskPlace: Hashable, Sendable {
    package let tasks: Range<Int>
    package let member: MemberID?
    /// That is under way, or the next one.
    package let attempt: Int
    /// Out since then.
    package let since: Moment?
    /// Resting until then; nil: they wait for another worker.
    package let until: Moment?
}
