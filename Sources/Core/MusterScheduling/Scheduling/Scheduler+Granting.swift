internal import MusterCore

extension Scheduler {
    mutating func ask(_ call: LeaseCall, _ now: Moment, _ effects: inout [SchedulerEffect]) {
        calls[call.id] = call.isMergeable ? merged(call, &effects) : call
        if !call.confirmsOnly { kernelsOf[call.member] = call.kernels }
        if isVolunteer(call.member) { volunteersAskedAt[call.member] = now }
        callLine.append(call.id)
        needy.hasNews = true
        serve(now, &effects)
    }

    /// A worker has few calls, and may have many slots that become free one after the other: the later call speaks for both.
    private mutating func merged(_ call: LeaseCall, _ effects: inout [SchedulerEffect]) -> LeaseCall {
        var call = call
        if let earlier = mergeable[call.member], let held = calls[earlier] {
            call.free += held.free
            // What a broken connection asked for may have been asked for again.
            if let has = means[call.member]?.amounts { call.free = call.free.least(has) }
            forget(call: earlier)
            effects.append(.merged(earlier))
        }
        mergeable[call.member] = call.id
        return call
    }

    mutating func forget(call id: LeaseCallID) {
        if let call = calls.removeValue(forKey: id), call.isMergeable { mergeable[call.member] = nil }
        callsLooked[id] = nil
        needy.looked[id] = nil
        callLine.remove(id)
    }

    /// Puts a job in its line if it has work and is not there yet.
    mutating func line(up id: JobID) {
        for member in jobs[id]?.takeFormerMembers() ?? [] { leaveLine(id, of: member) }
        guard let job = jobs[id], job.ending == nil, job.hasRoom else { return }
        let name = LineName(priority: job.record.priority, kernel: job.record.kernel)
        if job.hasWork {
            if let needs = job.record.needs {
                needy.line(up: id, name, needs)
            } else {
                lines[name, default: .init()].append(id)
            }
        }
        for member in job.deal?.waiting ?? [] { dealtLines[member, default: [:]][name, default: .init()].append(id) }
    }

    /// Gives work to held calls, longest held first, while there is work for them.
    mutating func serve(_ now: Moment, _ effects: inout [SchedulerEffect]) {
        guard !callLine.isEmpty, hasAnyWork else { return }
        let seen = needy.news
        var anyAwaits = false
        for id in callLine.elements {
            guard let call = calls[id], mayServe(call) else { continue }
            awaitsSlot = false
            var (grants, free): ([Grant], Amounts) = ([], call.free)
            while free.cpus > 0, let grant = nextGrant(for: call, in: free, now) {
                if let needs = grant.needs { free -= needs.amounts } else { free.cpus -= 1 }
                grants.append(grant)
            }
            guard !grants.isEmpty else {
                anyAwaits = anyAwaits || awaitsSlot
                // A report of another job's can be what it waits for.
                if awaitsSlot { continue }
                if !votingJobs.isEmpty { callsLooked[id] = votingNews }
                if !needy.isEmpty { needy.looked[id] = needy.news }
                continue
            }
            forget(call: id)
            hand(grants, to: call, &effects)
            if !hasAnyWork { return }
        }
        // What came while calls were looked at is looked at by the next event.
        if needy.news == seen, !anyAwaits { needy.hasNews = false }
    }

    private var hasAnyWork: Bool { !lines.isEmpty || !dealtLines.isEmpty || !votingJobs.isEmpty || needy.mayServe }

    func mayServe(_ call: LeaseCall) -> Bool { isGrantable(call.member) }

    /// Neither suspected of being gone nor of lying, nor about to go.
    func isGrantable(_ member: MemberID) -> Bool {
        !suspects.contains(member) && !isBarred(member) && !draining.contains(member)
    }

    private mutating func nextGrant(for call: LeaseCall, in free: Amounts, _ now: Moment) -> Grant? {
        while let (id, owner, isVote) = nextJob(for: call, in: free, now) {
            if let watch = jobs[id]!.haltWatch {
                // What it has out has grown smaller since it came in line, and its count larger.
                if !watch.mayBegin {
                    leaveFullLines(id)
                    continue
                }
                // It is its turn, and so nobody else's, and its slot has yet to report.
                if watch.isNear, !hasSlot(for: jobs[id]!.record.needs, at: call.member) {
                    awaitsSlot = true
                    return nil
                }
            }
            if isVote { return cutVotes(of: id, for: call, now) }
            let run = jobs[id]!.cut(
                atMost: batchSize(of: id, for: call.member, owner), for: owner, by: call.member,
                alone: jobs[id]!.retries.isEmpty || !hasElsewhere(id, than: call.member))
            leaveLine(id, of: owner)
            turns += 1
            if run != nil { jobs[id]!.tookTurn(turns, owner) }
            lineUpAgain(id, owner)
            guard let run else { continue }
            return grant(run, of: id, to: call.member, now)
        }
        return nil
    }

    /// Interactive before batch; within a priority the job that was served longest ago, be it everybody's or dealt to
    /// this member (`owner`), whose share has turns of its own.
    /// `isVote`: it is another machine's word that is wanted, or the job has a quorum.
    private mutating func nextJob(
        for call: LeaseCall, in free: Amounts, _ now: Moment
    ) -> (id: JobID, owner: MemberID?, isVote: Bool)? {
        let looksAtVotes = !votingJobs.isEmpty && callsLooked[call.id] != votingNews
        var room = free
        for priority in Priority.allCases {
            if let kept = needy.reservations[call.member], kept.priority == priority {
                if let isVote = mayTakeKept(kept, call, free) { return (kept.job, nil, isVote) }
                room = room.least(spare(beside: kept, at: call.member))
                if room.cpus < 1 { return nil }
            }
            var best: (id: JobID, owner: MemberID?, turn: UInt64)?
            for name in lines.keys
            where !call.confirmsOnly && name.priority == priority && call.kernels.contains(name.kernel) {
                guard let id = firstInLine(name, for: call), let job = jobs[id] else { continue }
                // What of volunteers waits to be confirmed is bounded.
                if job.ballots?.isFull == true, isVolunteer(call.member) { continue }
                if best == nil || (job.lastTurn, id) < (best!.turn, best!.id) { best = (id, nil, job.lastTurn) }
            }
            for name in (dealtLines[call.member] ?? [:]).keys
            where name.priority == priority && call.kernels.contains(name.kernel) {
                guard let id = dealtLines[call.member]![name]!.first, let share = jobs[id]?.deal?.shares[call.member]
                else { continue }
                if best == nil || (share.lastTurn, id) < (best!.turn, best!.id) {
                    best = (id, call.member, share.lastTurn)
                }
            }
            if let (id, turn) = needyJob(for: call, in: room, priority, before: best.map { ($0.turn, $0.id) }, now) {
                best = (id, nil, turn)
            }
            if looksAtVotes, let vote = votingJob(for: call, in: room, priority, now),
                // Of one job what is to be confirmed goes before what is new: a machine is believed sooner.
                best.map({ (vote.turn, vote.id) <= ($0.turn, $0.id) }) ?? true
            {
                return (vote.id, nil, true)
            }
            if let best { return (best.id, best.owner, false) }
        }
        return nil
    }

    private mutating func firstInLine(_ name: LineName, for call: LeaseCall) -> JobID? {
        guard let first = lines[name]!.first else { return nil }
        return mayTake(first, call) ? first : lines[name]!.first { mayTake($0, call) }
    }

    /// Whether the job in line has something for this caller.
    func mayTake(_ id: JobID, _ call: LeaseCall) -> Bool {
        guard let job = jobs[id], job.refusals.isEmpty || job.refusals[call.member] == nil else { return false }
        if job.hasWorkForAll { return true }
        return job.retries.hasWork(for: call.member, alone: !hasElsewhere(id, than: call.member))
    }

    func lineName(of id: JobID) -> LineName? {
        jobs[id].map { LineName(priority: $0.record.priority, kernel: $0.record.kernel) }
    }

    /// Leaves every line.
    mutating func leaveLine(_ id: JobID) {
        leaveLine(id, of: nil)
        for member in jobs[id]?.deal?.members ?? [] { leaveLine(id, of: member) }
    }

    /// So many batches of it are out as may be.
    private mutating func leaveFullLines(_ id: JobID) {
        leaveLine(id)
        if jobs[id]!.isVotedOn { noteVoting(id) }
    }

    /// Leaves everybody's line (nil) or a member's.
    mutating func leaveLine(_ id: JobID, of member: MemberID?) {
        guard let name = lineName(of: id) else { return }
        if let member {
            dealtLines[member]?[name]?.remove(id)
            if dealtLines[member]?[name]?.isEmpty == true { dealtLines[member]![name] = nil }
            if dealtLines[member]?.isEmpty == true { dealtLines[member] = nil }
        } else {
            if let needs = jobs[id]?.record.needs { return needy.leaveLine(id, name, needs) }
            lines[name]?.remove(id)
            if lines[name]?.isEmpty == true { lines[name] = nil }
        }
    }

    /// Goes to the end of the line it was in, if it still has work there.
    private mutating func lineUpAgain(_ id: JobID, _ member: MemberID?) {
        guard let member else { return line(up: id) }
        guard let name = lineName(of: id), jobs[id]?.deal?.shares[member]?.line.isEmpty == false else { return }
        dealtLines[member, default: [:]][name, default: .init()].append(id)
    }

    private func batchSize(of id: JobID, for member: MemberID, _ owner: MemberID?) -> Int {
        guard let job = jobs[id] else { return 1 }
        let owned = owner.flatMap { job.deal?.shares[$0] }.map { $0.count / 2 }
        return batchSize(of: job, share: owned ?? share(of: job.grantableCount, for: member))
    }

    func batchSize(of job: ScheduledJob, waiting: Int, for member: MemberID) -> Int {
        batchSize(of: job, share: share(of: waiting, for: member))
    }

    private func share(of waiting: Int, for member: MemberID) -> Int {
        // One that asks before its last batch is over is one worker all the same.
        let workers = leasesOfMember.count + calls.count - (leasesOfMember[member] == nil ? 0 : 1)
        return waiting / max(1, 2 * workers)
    }

    /// As many tasks as take about `batchTime`; near the end, or the horizon, a fair share. Before the first has been
    /// measured one by one, or a fair share of what an earlier job like it took; of a transient job, whose tasks are short, two, so that its
    /// worker can ask ahead.
    private func batchSize(of job: ScheduledJob, share: Int) -> Int {
        // What may not be run twice goes out alone: what was not begun is not lost.
        if !job.record.reruns || job.record.startDelay != nil { return 1 }
        guard let seconds = job.secondsPerTask ?? job.guessedSeconds else {
            return job.isTransient ? max(1, min(2, share)) : 1
        }
        func tasks(in time: Duration) -> Int {
            seconds > 0 ? Int(min(Double(settings.batchTasksMax), time.inSeconds / seconds)) : settings.batchTasksMax
        }
        // A guess gives nobody more than a share.
        let floor = job.secondsPerTask == nil ? 1 : max(1, tasks(in: settings.batchTimeMin))
        let size = max(1, min(tasks(in: settings.batchTime), max(share, floor)))
        guard let watch = job.haltWatch else { return size }
        // A part of what may go out, so that others need not wait for this batch.
        return max(1, min(size, watch.room / (2 * max(1, leasesOfMember.count + calls.count))))
    }

    mutating func grant(
        _ run: PendingRun, of id: JobID, to member: MemberID, _ now: Moment, isCopy: Bool = false
    ) -> Grant {
        let record = jobs[id]!.record
        let key = LeaseKey(
            job: id, first: run.tasks.lowerBound, count: run.tasks.count, attempt: run.attempt, member: member)
        let deadline = now + settings.leaseTime
        leases[key] = Lease(
            key: key, open: RangeSet(run.tasks), grantedAt: now, deadline: deadline, isCopy: isCopy,
            failures: run.failures, faults: run.faults)
        leasesOfMember[member, default: []].insert(key)
        jobs[id]!.leases.insert(key)
        if record.halt != nil { jobs[id]!.haltWatch?.hold(key, key.count) }
        if let pause = record.startDelay { self.pause(id, until: now + pause) }
        if !jobs[id]!.hasRoom { leaveFullLines(id) }
        earliestDeadline = min(earliestDeadline ?? deadline, deadline)
        jobs[id]!.highestAttempt = max(jobs[id]!.highestAttempt, run.attempt)
        count { $0.granted += run.tasks.count }
        var grant = Grant(
            key: key, ticket: sealer.seal(key), kernel: record.kernel, params: record.params,
            hasInputs: record.hasInputs, isTransient: jobs[id]!.isTransient)
        (grant.timeoutSeconds, grant.needs) = (record.timeoutSeconds, record.needs)
        if record.needs != nil { needy.wasGranted(id) }
        return grant
    }

    /// Idle workers take over what others are too slow with. The first result counts; the other is stale.
    mutating func serveStragglers(_ now: Moment, _ effects: inout [SchedulerEffect]) {
        guard !callLine.isEmpty, !leases.isEmpty else { return }
        let slow = leases.values.filter { isStraggler($0, now) }
            .sorted {
                ($0.grantedAt, $0.key.job, $0.key.first, $0.key.attempt)
                    < ($1.grantedAt, $1.key.job, $1.key.first, $1.key.attempt)
            }
        for lease in slow {
            let job = jobs[lease.key.job]!
            guard job.hasRoom else { continue }
            if let ballots = job.ballots, !lease.open.intersection(ballots.open).isEmpty {
                guard let (call, copy) = copyVotes(of: lease, now) else { continue }
                leases[lease.key]!.hasCopy = true
                count { $0.copied += 1 }
                forget(call: call.id)
                effects.append(.grant(call.id, call.member, [copy]))
                continue
            }
            guard let tasks = lease.open.subtracting(job.taken).ranges.first,
                let call = firstCall(for: job, not: lease.key.member)
            else { continue }
            count { $0.copied += 1 }
            let run = PendingRun(
                tasks: tasks, attempt: lease.nextAttempt, failures: lease.failures, faults: lease.faults)
            leases[lease.key]!.hasCopy = true
            leases[lease.key]!.copies += 1
            let copy = grant(run, of: lease.key.job, to: call.member, now, isCopy: true)
            forget(call: call.id)
            effects.append(.grant(call.id, call.member, [copy]))
        }
    }

    private func firstCall(for job: ScheduledJob, not member: MemberID) -> LeaseCall? {
        callLine.elements.lazy.compactMap { calls[$0] }.first {
            $0.member != member && mayServe($0) && $0.kernels.contains(job.record.kernel)
                && job.refusals[$0.member] == nil && mayCopy(job, $0)
        }
    }

    private func isStraggler(_ lease: Lease, _ now: Moment) -> Bool {
        guard !lease.hasCopy, !lease.isCopy, let job = jobs[lease.key.job], job.ending == nil, job.record.mayCopy,
            !job.hasWork
        else { return false }
        let isVolunteer = isVolunteer(lease.key.member)
        guard job.deal == nil || isVolunteer else { return false }
        guard let seconds = job.secondsPerTask else {
            return (isVolunteer || job.isTransient) && now - lease.grantedAt > settings.unmeasuredTime
        }
        return now - lease.grantedAt
            > Duration(seconds: 2 * seconds * Double(lease.key.count)) + settings.stragglerTime
    }
}
