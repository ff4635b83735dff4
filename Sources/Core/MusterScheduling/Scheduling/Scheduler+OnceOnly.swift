internal import MusterCore

/// Grants that are on their way to the store before their worker is answered.
struct PendingGrant: Sendable {
    let call: LeaseCall
    let grants: [Grant]
}

/// What must not be run twice, not even when the coordinator dies as well: it is durable who has a task before that one hears of it. After
/// a restart the task waits for that worker, as long as a lease holds, and has failed when it does not come back with it.
extension Scheduler {
    /// Answers a call: at once, or where some of it must not be run twice when the store knows of that.
    mutating func hand(_ grants: [Grant], to call: LeaseCall, _ effects: inout [SchedulerEffect]) {
        let tasks = onceOnly.isEmpty ? [] : grants.filter { isNoted($0.key) }.flatMap { Self.begun($0.key) }
        guard !tasks.isEmpty else { return effects.append(.grant(call.id, call.member, grants)) }
        let id = CommitID(nextCommit)
        nextCommit += 1
        pendingGrants[id] = PendingGrant(call: call, grants: grants)
        callsToAnswer.insert(call.id)
        effects.append(.commit(id, [.noteBegun(tasks)]))
    }

    /// What became of a group of writes; with a reason, it is not stored.
    mutating func settled(_ id: CommitID, _ reason: String?, _ now: Moment, _ effects: inout [SchedulerEffect]) {
        if let grant = pendingGrants.removeValue(forKey: id) {
            answer(grant, isStored: reason == nil, now, &effects)
        } else if let reason {
            commitFailed(id, reason, now, &effects)
        } else {
            committed(id, &effects)
        }
    }

    private static func begun(_ key: LeaseKey) -> [BegunTask] {
        key.tasks.map { BegunTask(job: key.job, task: $0, attempt: key.attempt, member: key.member) }
    }

    /// What is voted on is run more than once anyway.
    private func isNoted(_ key: LeaseKey) -> Bool { onceOnly.contains(key.job) && jobs[key.job]?.ballots == nil }

    /// Whether its worker has not heard of it yet.
    func isPending(_ key: LeaseKey) -> Bool {
        pendingGrants.values.contains { $0.grants.contains { $0.key == key } }
    }

    /// What is still wanted goes out. Where the store refused it, or nobody waits for it any more, all of it is in line again.
    mutating func answer(
        _ pending: PendingGrant, isStored: Bool, _ now: Moment, _ effects: inout [SchedulerEffect]
    ) {
        let (call, grants) = (pending.call, pending.grants.filter { leases[$0.key] != nil })
        let isAwaited = callsToAnswer.remove(call.id) != nil
        // One that is about to go takes nothing more.
        if isStored, isAwaited, !isGrantable(call.member) {
            for grant in grants { giveBackUnbegun(grant.key, &effects) }
            effects.append(.dismiss(call.id))
            return serve(now, &effects)
        }
        if isStored, isAwaited {
            effects.append(grants.isEmpty ? .dismiss(call.id) : .grant(call.id, call.member, grants))
            return
        }
        for grant in grants { isStored ? giveBackUnbegun(grant.key, &effects) : giveBack(grant.key) }
        guard isAwaited, calls[call.id] == nil else { return serve(now, &effects) }
        // It stays held; the next tick tries again.
        calls[call.id] = call
        if call.isMergeable, mergeable[call.member] == nil { mergeable[call.member] = call.id }
        callLine.append(call.id)
    }

    /// Its worker never heard of it.
    mutating func giveBackUnbegun(_ key: LeaseKey, _ effects: inout [SchedulerEffect]) {
        guard leases[key] != nil else { return }
        giveBack(key)
        dropNote(key, &effects)
    }

    /// Nothing of it is granted before `memberGone`, which ends the member's own calls first: it gets none of that again.
    mutating func takeBackAll(of member: MemberID, _ now: Moment, _ effects: inout [SchedulerEffect]) {
        for key in inOrder(leasesOfMember[member] ?? []) {
            if takeBack(ReturnedTasks(key: key, from: key.first), now) { dropNote(key, &effects) }
        }
    }

    /// Where no lease holds it any more, its worker has not begun it.
    mutating func dropNote(_ key: LeaseKey, _ effects: inout [SchedulerEffect]) {
        guard !onceOnly.isEmpty, isNoted(key), leases[key] == nil else { return }
        // Whatever becomes of this: the task is noted again when it goes out again.
        effects.append(.commit(CommitID(nextCommit), [.dropBegun(key.job, key.tasks)]))
        nextCommit += 1
    }

    /// Workers ended what they had of a job for a cancel that the store then refused.
    mutating func loseRevoked(of id: JobID, _ effects: inout [SchedulerEffect]) {
        guard let revoked = jobs[id]?.revoked, !revoked.isEmpty else { return }
        jobs[id]!.revoked = []
        for key in inOrder(revoked) where !jobs[id]!.taken.contains(key.first) {
            failForGood(key, "it was ended for a cancel that failed, and it is not run again", &effects)
        }
    }

    /// What a worker may have from before this process is its own for as long as a lease holds.
    mutating func adopt(_ task: BegunTask, _ now: Moment) {
        let key = LeaseKey(job: task.job, first: task.task, count: 1, attempt: task.attempt, member: task.member)
        hold(key, until: now + settings.leaseTime, now)
    }
}
