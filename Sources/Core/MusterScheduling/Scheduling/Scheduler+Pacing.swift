package import MusterCore

/// Jobs whose starts lie apart, and jobs that are halted: what runs of them may end.
extension Scheduler {
    mutating func pause(_ id: JobID, until end: Moment) {
        jobs[id]!.pausedUntil = end
        paused.insert(id)
    }

    /// When the next of them may go on; nil: none waits.
    package var nextPauseEnd: Moment? { paused.lazy.compactMap { jobs[$0]?.pausedUntil }.min() }

    mutating func endPauses(_ now: Moment) {
        for id in paused.sorted() {
            if let end = jobs[id]?.pausedUntil, end > now { continue }
            paused.remove(id)
            jobs[id]?.pausedUntil = nil
            line(up: id)
            if jobs[id]?.isVotedOn == true { noteVoting(id) }
        }
    }

    mutating func halt(_ id: JobID, _ effects: inout [SchedulerEffect]) {
        guard let job = jobs[id], job.ending == nil else { return }
        jobs[id]!.isHalting = true
        halting.insert(id)
        leaveLine(id)
        noteVoting(id)
        let byMember = Dictionary(grouping: inOrder(job.leases), by: \.member)
        for member in byMember.keys.sorted() { effects.append(.finish(member, byMember[member]!)) }
        endHalted(&effects)
    }

    /// Those of which nothing runs any more.
    mutating func endHalted(_ effects: inout [SchedulerEffect]) {
        for id in halting.sorted() {
            guard let job = jobs[id] else {
                halting.remove(id)
                continue
            }
            if job.ending == nil, job.leases.isEmpty, job.commitsUnderWay == 0 { end(id, .cancelled, &effects) }
        }
    }

    /// A job whose rule holds begins nothing more, from the very report on that it holds by: whether that is durable yet or not.
    mutating func haltIfReached(_ id: JobID, _ effects: inout [SchedulerEffect]) {
        guard let job = jobs[id], let watch = job.haltWatch, watch.isReached, !job.isHalting, job.ending == nil else {
            return
        }
        jobs[id]!.haltWatch!.halted()
        halt(id, &effects)
        if watch.endsWhatRuns { end(id, .cancelled, &effects) }
    }

    /// The store refused results: where the rule holds by them alone, it does not hold.
    mutating func unhaltIfMissed(_ id: JobID, by refused: PendingCommit) {
        guard jobs[id]?.haltWatch != nil else { return }
        jobs[id]!.haltWatch!.count(succeeded: -refused.values, failed: -refused.failures)
        let watch = jobs[id]!.haltWatch!
        guard watch.reason != nil, !watch.isReached else { return }
        jobs[id]!.haltWatch!.goOn()
        jobs[id]!.isHalting = false
        halting.remove(id)
    }

    /// What of a lease of a watched job is open now.
    mutating func watch(_ key: LeaseKey) {
        let open = leases[key]?.open.ranges.reduce(0) { $0 + $1.count } ?? 0
        jobs[key.job]!.haltWatch!.hold(key, open)
        line(up: key.job)
    }

    /// Whether nothing of this unfinished job is begun any more.
    package func isHalting(_ id: JobID) -> Bool { halting.contains(id) }
}
