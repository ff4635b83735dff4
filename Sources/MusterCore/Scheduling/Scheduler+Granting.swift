extension Scheduler {
    mutating func ask(_ call: LeaseCall, _ now: Moment, _ effects: inout [SchedulerEffect]) {
        calls[call.id] = call
        callLine.append(call.id)
        serve(now, &effects)
    }

    mutating func forget(call id: LeaseCallID) {
        calls[id] = nil
        callLine.remove(id)
    }

    /// Puts a job in its line if it has work and is not there yet.
    mutating func line(up id: JobID) {
        guard let job = jobs[id], job.hasWork else { return }
        lines[LineName(priority: job.record.priority, kernel: job.record.kernel), default: .init()].append(id)
    }

    /// Gives work to held calls, longest held first, while there is work for them.
    mutating func serve(_ now: Moment, _ effects: inout [SchedulerEffect]) {
        guard !callLine.isEmpty, !lines.isEmpty else { return }
        for id in callLine.elements {
            guard let call = calls[id] else { continue }
            var grants: [Grant] = []
            while grants.count < call.slots, let grant = nextGrant(for: call, now) { grants.append(grant) }
            guard !grants.isEmpty else { continue }
            forget(call: id)
            effects.append(.grant(id, call.member, grants))
            if lines.isEmpty { return }
        }
    }

    private mutating func nextGrant(for call: LeaseCall, _ now: Moment) -> Grant? {
        while let id = nextJob(for: call.kernels) {
            guard let run = jobs[id]!.cut(atMost: batchSize(of: id)) else {
                leaveLine(id)
                continue
            }
            turns += 1
            jobs[id]!.lastTurn = turns
            leaveLine(id)
            line(up: id)
            return grant(run, of: id, to: call.member, now)
        }
        return nil
    }

    /// Interactive before batch; within a priority the job that was served longest ago.
    private mutating func nextJob(for kernels: Set<String>) -> JobID? {
        for priority in Priority.allCases {
            var best: (id: JobID, turn: UInt64)?
            for name in lines.keys where name.priority == priority && kernels.contains(name.kernel) {
                guard let id = lines[name]!.first, let job = jobs[id] else { continue }
                if best == nil || (job.lastTurn, id) < (best!.turn, best!.id) { best = (id, job.lastTurn) }
            }
            if let best { return best.id }
        }
        return nil
    }

    func lineName(of id: JobID) -> LineName? {
        jobs[id].map { LineName(priority: $0.record.priority, kernel: $0.record.kernel) }
    }

    mutating func leaveLine(_ id: JobID) {
        guard let name = lineName(of: id) else { return }
        lines[name]?.remove(id)
        if lines[name]?.isEmpty == true { lines[name] = nil }
    }

    /// As many tasks as take about `batchTime`; one by one until the first has been measured; near the end,
    /// or the horizon, a fair share.
    private func batchSize(of id: JobID) -> Int {
        guard let job = jobs[id], let seconds = job.secondsPerTask else { return 1 }
        func tasks(in time: Duration) -> Int {
            seconds > 0 ? Int(min(Double(settings.batchTasksMax), time.inSeconds / seconds)) : settings.batchTasksMax
        }
        let share = job.grantableCount / max(1, 2 * (leasesOfMember.count + calls.count))
        let floor = max(1, tasks(in: settings.batchTimeMin))
        return max(1, min(tasks(in: settings.batchTime), max(share, floor)))
    }

    private mutating func grant(_ run: PendingRun, of id: JobID, to member: MemberID, _ now: Moment) -> Grant {
        let record = jobs[id]!.record
        let key = LeaseKey(
            job: id, first: run.tasks.lowerBound, count: run.tasks.count, attempt: run.attempt, member: member)
        let deadline = now + settings.leaseTime
        leases[key] = Lease(
            key: key, open: RangeSet(run.tasks), grantedAt: now, deadline: deadline, hasCopy: false,
            failures: run.failures)
        leasesOfMember[member, default: []].insert(key)
        jobs[id]!.leases.insert(key)
        earliestDeadline = min(earliestDeadline ?? deadline, deadline)
        jobs[id]!.highestAttempt = max(jobs[id]!.highestAttempt, run.attempt)
        count { $0.granted += run.tasks.count }
        return Grant(
            key: key, ticket: sealer.seal(key), kernel: record.kernel, params: record.params,
            hasInputs: record.hasInputs, isTransient: jobs[id]!.isTransient)
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
            guard let tasks = lease.open.subtracting(job.taken).ranges.first,
                let call = firstCall(for: job.record.kernel, not: lease.key.member)
            else { continue }
            leases[lease.key]!.hasCopy = true
            count { $0.copied += 1 }
            let run = PendingRun(tasks: tasks, attempt: lease.key.attempt + 1, failures: lease.failures)
            let copy = grant(run, of: lease.key.job, to: call.member, now)
            forget(call: call.id)
            effects.append(.grant(call.id, call.member, [copy]))
        }
    }

    private func firstCall(for kernel: String, not member: MemberID) -> LeaseCall? {
        callLine.elements.lazy.compactMap { calls[$0] }.first { $0.member != member && $0.kernels.contains(kernel) }
    }

    private func isStraggler(_ lease: Lease, _ now: Moment) -> Bool {
        guard !lease.hasCopy, let job = jobs[lease.key.job], job.ending == nil, !job.hasWork,
            let seconds = job.secondsPerTask
        else { return false }
        return now - lease.grantedAt
            > Duration(seconds: 2 * seconds * Double(lease.key.count)) + settings.stragglerTime
    }
}
