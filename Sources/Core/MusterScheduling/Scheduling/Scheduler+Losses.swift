internal import MusterCore

extension Scheduler {
    /// Takes `tasks` off a lease; an empty lease is over.
    mutating func close(_ key: LeaseKey, over tasks: RangeSet<Int>) {
        guard leases[key] != nil else { return }
        leases[key]!.open.subtract(tasks)
        if leases[key]!.open.isEmpty { return drop(key) }
        if jobs[key.job]?.haltWatch != nil { watch(key) }
    }

    private mutating func drop(_ key: LeaseKey) {
        let isPaired = leases[key]?.hasCopy == true
        leases[key] = nil
        leasesOfMember[key.member]?.remove(key)
        if leasesOfMember[key.member]?.isEmpty == true { leasesOfMember[key.member] = nil }
        jobs[key.job]?.leases.remove(key)
        if isPaired { for copy in twins(of: key) { leases[copy]!.isCopy = false } }
        if jobs[key.job]?.haltWatch != nil { watch(key) }
        guard jobs[key.job]?.record.atMost != nil else { return }
        line(up: key.job)
        if jobs[key.job]!.isVotedOn { noteVoting(key.job) }
    }

    /// Others that hold some of the same tasks.
    private func twins(of key: LeaseKey) -> [LeaseKey] {
        (jobs[key.job]?.leases ?? []).filter { $0 != key && $0.tasks.overlaps(key.tasks) }
    }

    /// What of a lease somebody else computes as well: its copy, or what it is a copy of.
    func heldTwice(_ key: LeaseKey) -> RangeSet<Int> {
        guard let lease = leases[key], lease.hasCopy || lease.isCopy else { return RangeSet() }
        return twins(of: key).reduce(into: RangeSet()) { $0.formUnion(leases[$1]!.open.intersection(lease.open)) }
    }

    /// Ends a lease and puts what it left open first in line.
    mutating func giveBack(_ key: LeaseKey) {
        guard let lease = leases[key] else { return }
        let others = heldTwice(key)
        if lease.isCopy { mayBeCopiedAgain(twins(of: key)) }
        drop(key)
        var open = lease.open
        if let voted = jobs[key.job]?.ballots.map({ open.intersection($0.open) }), !voted.isEmpty {
            jobs[key.job]!.ballots!.release(voted, by: ballotName(of: key.member, in: key.job))
            noteVoting(key.job)
            open.subtract(voted)
        }
        open.subtract(others)
        jobs[key.job]?.comeBack(
            open, from: key.member, attempt: lease.nextAttempt, failures: lease.failures, faults: lease.faults)
        line(up: key.job)
    }

    /// Puts what its holder has not begun first in line. Copied leases, and those that are voted on, stay as they are: others have those
    /// tasks already. False where nothing changes.
    mutating func takeBack(_ returned: ReturnedTasks, _ now: Moment) -> Bool {
        let key = returned.key
        guard let lease = leases[key], !lease.isCopy, !lease.hasCopy, jobs[key.job]?.ballots == nil else {
            return false
        }
        let tasks = lease.open.intersection(
            RangeSet(max(key.first, returned.from)..<max(key.tasks.upperBound, returned.from)))
        guard !tasks.isEmpty else { return false }
        close(key, over: tasks)
        if returned.from > key.first {
            let begun = key.count - lease.open.ranges.reduce(0) { $0 + $1.count } + 1
            // What one of them takes is not what was thought.
            jobs[key.job]?.measured(seconds: (now - lease.grantedAt).inSeconds, tasks: begun)
        }
        jobs[key.job]?.comeBack(
            tasks, from: key.member, attempt: lease.nextAttempt, failures: lease.failures, faults: lease.faults)
        line(up: key.job)
        return true
    }

    /// A copy was lost with its worker: another one may follow.
    private mutating func mayBeCopiedAgain(_ originals: [LeaseKey]) {
        for key in originals where leases[key]!.hasCopy && leases[key]!.copies < Lease.copiesMax {
            leases[key]!.hasCopy = false
        }
    }

    mutating func renew(
        _ keys: [LeaseKey], of member: MemberID, _ now: Moment, _ effects: inout [SchedulerEffect]
    ) {
        var (pointless, claimed): ([LeaseKey], [LeaseKey]) = ([], [])
        for key in keys {
            guard key.member == member else { continue }
            if leases[key] != nil {
                leases[key]!.deadline = now + settings.leaseTime
            } else if jobs[key.job].map({ isPointless(key, $0) }) ?? true {
                pointless.append(key)
            } else {
                claimed.append(key)
            }
        }
        if !claimed.isEmpty || !claims.isEmpty { claims[member] = claimed.isEmpty ? nil : (claimed, now) }
        if !pointless.isEmpty { effects.append(.revoke(member, pointless)) }
    }

    /// Nothing of a lost lease is wanted any more; or others hold it, and the job wants nothing done twice.
    private func isPointless(_ key: LeaseKey, _ job: ScheduledJob) -> Bool {
        let wanted = RangeSet(key.tasks).subtracting(job.taken)
        if wanted.isEmpty { return true }
        guard !job.record.mayCopy else { return false }
        return job.leases.contains { !(leases[$0]?.open.intersection(wanted).isEmpty ?? true) }
    }

    mutating func suspect(_ member: MemberID, isGone: Bool, _ effects: inout [SchedulerEffect]) {
        // What comes back must not be granted to the very member that lost it, not even by a call that comes late: it
        // would be computed twice, and one death would count as two.
        suspects.insert(member)
        for call in calls.values.filter({ $0.member == member }).sorted(by: { $0.id.rawValue < $1.id.rawValue }) {
            forget(call: call.id)
            effects.append(.dismiss(call.id))
        }
        let held = inOrder(leasesOfMember[member] ?? [])
        if !held.isEmpty { heldBySuspects[member, default: []] += held }
        // With what must not be run twice the worker may come back.
        for key in held where isGone || runsAgain(key) { lose(key, "was lost", &effects) }
        for id in jobs.keys.filter({ jobs[$0]!.deal?.isAbout(member) == true }).sorted() {
            jobs[id]!.dealAgain(from: member, isGone: isGone)
            line(up: id)
        }
        dealtLines[member] = nil
    }

    /// A suspected member is back: nothing died, and it has its part again of what is dealt from now on.
    mutating func welcome(_ member: MemberID) {
        suspects.remove(member)
        heldBySuspects[member] = nil
        guard !isBarred(member) else { return }
        for id in jobs.keys { jobs[id]!.welcome(member) }
    }

    mutating func lose(
        _ member: MemberID, crashed: Bool, _ effects: inout [SchedulerEffect]
    ) {
        suspect(member, isGone: true, &effects)
        // Its calls are gone; whoever asks in its name later has joined anew.
        suspects.remove(member)
        let held = heldBySuspects.removeValue(forKey: member) ?? []
        let voter = voter(member)
        forget(member)
        guard crashed else { return }
        for key in held {
            guard let job = jobs[key.job], job.ending == nil else { continue }
            let lost = RangeSet(key.tasks).subtracting(job.taken).ranges
            if voter.isVolunteer {
                for tasks in lost { jobs[key.job]!.volunteerCasualties.add(tasks) }
                if held.count == 1 { blame(key, on: voter.circle, &effects) }
                continue
            }
            for tasks in lost { jobs[key.job]!.casualties.add(tasks) }
            // Whoever was not alone with the dead worker may be innocent: more deaths are needed to be sure.
            park(key, afterDeaths: held.count == 1 ? settings.crashLimit : 2 * settings.crashLimit, &effects)
        }
    }

    /// A task that was alone in its lease, and has killed too many workers, fails for good.
    private mutating func park(_ key: LeaseKey, afterDeaths limit: Int, _ effects: inout [SchedulerEffect]) {
        let kills = jobs[key.job]!.casualties.kills(of: key.first)
        guard key.count == 1, kills >= limit, !jobs[key.job]!.taken.contains(key.first) else { return }
        park(key, "\(kills) workers died while they held this task; it is not tried again", &effects)
    }

    /// A volunteer can be switched off, or lie, at any time: only many different machines make a task look deadly. Where there are
    /// fewer of them, and none of the fleet's own that would get it in the end, all of them and as many deaths.
    private mutating func blame(_ key: LeaseKey, on machine: MachineID, _ effects: inout [SchedulerEffect]) {
        guard key.count == 1, !jobs[key.job]!.taken.contains(key.first) else { return }
        jobs[key.job]!.volunteerDeaths[key.first, default: []].insert(machine)
        let deaths = jobs[key.job]!.volunteerDeaths[key.first]!.count
        let limit = settings.volunteerCrashLimit
        let circles = ownMachines.isEmpty ? Set(voters.values.filter(\.isVolunteer).map(\.circle)).count : limit
        let kills = jobs[key.job]!.volunteerCasualties.kills(of: key.first)
        guard deaths >= min(limit, max(1, circles)), kills >= limit else { return }
        park(
            key, "\(deaths) volunteers' machines died \(kills) times while they held this task; it is not tried again",
            &effects)
    }

    private mutating func park(_ key: LeaseKey, _ reason: String, _ effects: inout [SchedulerEffect]) {
        count { $0.parked += 1 }
        failForGood(key, reason, &effects)
    }

    // MARK: What must not be run twice

    /// Whether what of the lease is lost with its worker is run again.
    func runsAgain(_ key: LeaseKey) -> Bool { jobs[key.job]?.record.reruns ?? true }

    /// What of the lease is open is in line again; or has failed, as it may have been begun, and nobody knows how far it came.
    mutating func lose(_ key: LeaseKey, _ how: String, _ effects: inout [SchedulerEffect]) {
        if isPending(key) { return giveBackUnbegun(key, &effects) }
        if runsAgain(key) { return giveBack(key) }
        guard leases[key] != nil, let job = jobs[key.job] else { return }
        drop(key)
        guard job.ending == nil, !job.taken.contains(key.first) else { return }
        failForGood(key, "its worker \(how), and it is not run again", &effects)
    }

    /// The store refused what the lease came to: its worker delivers it again, and nobody else computes it meanwhile.
    mutating func holdAgain(_ key: LeaseKey, _ now: Moment) { hold(key, until: now + settings.leaseTime * 4, now) }

    /// A lease that was not granted just now.
    mutating func hold(_ key: LeaseKey, until deadline: Moment, _ now: Moment) {
        leases[key] = Lease(
            key: key, open: RangeSet(key.tasks), grantedAt: now, deadline: deadline, failures: 0, faults: 0)
        leasesOfMember[key.member, default: []].insert(key)
        jobs[key.job]!.leases.insert(key)
        if jobs[key.job]!.haltWatch != nil { watch(key) }
        earliestDeadline = min(earliestDeadline ?? deadline, deadline)
    }

    mutating func failForGood(_ key: LeaseKey, _ reason: String, _ effects: inout [SchedulerEffect]) {
        if jobs[key.job]!.ballots != nil {
            jobs[key.job]!.ballots!.set(decided: true, RangeSet(key.tasks))
            noteVoting(key.job)
        }
        let record = ResultRecord(
            job: key.job, first: key.first, count: 1, worker: "", attempt: key.attempt, outcome: .failure(reason),
            secondsLines: Array("0\n".utf8))
        var pending = PendingCommit(job: key.job)
        pending.member = key.member
        pending.key = key
        pending.taken = RangeSet(key.tasks)
        pending.failures = 1
        jobs[key.job]!.take(pending.taken)
        jobs[key.job]!.committing.formUnion(pending.taken)
        if jobs[key.job]!.isTransient {
            effects.append(.produced(key.job, [TransientResult(task: key.first, outcome: .failure(reason))]))
        }
        let begun = onceOnly.contains(key.job) ? [StoreWrite.dropBegun(key.job, key.tasks)] : []
        commit(pending, [.addResults(record)] + begun, &effects)
    }

    /// Forgets all leases of a job and tells their holders.
    mutating func revokeLeases(of id: JobID, _ effects: inout [SchedulerEffect]) {
        guard let held = jobs[id]?.leases, !held.isEmpty else { return }
        let byMember = Dictionary(grouping: inOrder(held), by: \.member)
        for key in held { drop(key) }
        for member in byMember.keys.sorted() { effects.append(.revoke(member, byMember[member]!)) }
    }

    /// Sets have no order of their own; effects must not depend on it.
    func inOrder(_ keys: some Sequence<LeaseKey>) -> [LeaseKey] {
        keys.sorted {
            ($0.member, $0.job, $0.first, $0.attempt, $0.count) < ($1.member, $1.job, $1.first, $1.attempt, $1.count)
        }
    }
}
