package import MusterCore

/// What waits, and who has room for it soon.
extension Scheduler {
    /// Of so many jobs, an equal share of each kind, of a kind those first in line: whoever asks has enough to do with these.
    package static let waitingWorkMax = 1_000
    /// What a worker says that it holds is believed for so long: it says so each second.
    private static let claimTime: Duration = .seconds(3)
    /// Of a job's votes, so many are looked at for how many voters are missing.
    private static let ballotsMax = 64

    /// Work that nobody has yet, by job. Not what waits for other jobs, what was dealt to somebody, what rests after it failed, nor
    /// what may not run beside what does.
    package func waitingWork(_ now: Moment) -> [WaitingWork] {
        waitingJobs.sorted().compactMap { waitingWork(of: $0, now) }
    }

    /// Those that are looked at. No set and no dictionary decides which of them.
    private var waitingJobs: Set<JobID> {
        let names = lines.keys.sorted { ($0.priority.rawValue, $0.kernel) < ($1.priority.rawValue, $1.kernel) }
        let kinds = names.count + needy.kindCount + (votingJobs.isEmpty ? 0 : 1) + (paused.isEmpty ? 0 : 1)
        let share = max(1, Self.waitingWorkMax / max(1, kinds))
        var ids: Set<JobID> = []
        func add(_ more: [JobID]) { ids.formUnion(more.prefix(max(0, Self.waitingWorkMax - ids.count))) }
        for name in names { add(lines[name]!.first(share)) }
        add(votingJobs.lowest(share))
        add(paused.lowest(share))
        for line in needy.waiting(atMost: share) { add(line) }
        return ids
    }

    private func waitingWork(of id: JobID, _ now: Moment) -> WaitingWork? {
        guard let job = jobs[id], job.ending == nil, !job.isHalting, job.haltWatch?.mayBegin != false else {
            return nil
        }
        let votes = job.ballots?.wantingCount ?? 0
        let count =
            job.record.quorum.map { votes + job.freshCount * $0.needed }
            ?? (job.deal == nil ? job.grantableCount : 0) + votes
        guard count > 0 else { return nil }
        var work = WaitingWork(
            id, kernel: job.record.kernel, needs: job.record.needs ?? Needs(), count: count,
            running: job.leases.count, seconds: job.secondsPerTask)
        if job.secondsPerTask == nil {
            let began = job.leases.lazy.compactMap { leases[$0]?.grantedAt }.min()
            work.oldest = began.map { now - $0 } ?? .zero
        }
        work.turn = job.lastTurn
        if let quorum = job.record.quorum { work.voters = missingVoters(of: job, quorum) }
        work.batchesLeft = job.record.atMost.map { max(0, $0 - job.leases.count) }
        work.startDelay = job.record.startDelay
        return work
    }

    /// So many votes are wanted, on one task at most, that nobody gives at the moment: whoever voted on a task, or holds it, is none of those.
    private func missingVoters(of job: ScheduledJob, _ quorum: Quorum) -> Int {
        let fresh = job.freshCount > 0 ? quorum.needed : 0
        guard let ballots = job.ballots else { return max(1, fresh) }
        let wanting = ballots.wanting.ranges.lazy.joined().prefix(Self.ballotsMax)
        let missing = wanting.compactMap { ballots[$0] }.map { $0.target - $0.votes.count - $0.holders.count }
        return max(1, fresh, missing.max() ?? 0)
    }

    /// Whether something waits, be it that it may not begin now.
    package var hasWaitingTasks: Bool { jobs.values.contains { !$0.isHeld && $0.waitingCount > 0 } }

    // MARK: Who has room

    /// What members ask for whose calls are held: there is nothing that waits for them.
    package var asked: [MemberID: Amounts] {
        var asked: [MemberID: Amounts] = [:]
        for call in calls.values where !call.confirmsOnly { asked[call.member, default: Amounts()] += call.free }
        return asked
    }

    /// What the member has and does, as far as one knows. `asked`: by calls that are held; `time`: what ends so soon is told apart.
    package func load(of member: MemberID, asking asked: Amounts?, within time: Duration, _ now: Moment) -> WorkerLoad {
        var load = WorkerLoad(means: means(of: member), asks: asked)
        load.kernels = kernelsOf[member]
        load.isGrantable = isGrantable(member)
        load.holdsAny = !leases(of: member).isEmpty
        func takes(_ key: LeaseKey) -> Amounts { jobs[key.job]?.record.needs?.amounts ?? .oneCPU }
        for key in leasesOfMember[member] ?? [] {
            if ends(key, within: time, now) { load.ending += takes(key) } else { load.held += takes(key) }
        }
        guard let claim = claims[member], now - claim.at < Self.claimTime else { return load }
        for key in claim.keys where leases[key] == nil {
            load.held += takes(key)
            load.holdsAny = true
        }
        return load
    }

    /// One that takes twice as long as it should is not expected to end.
    private func ends(_ key: LeaseKey, within time: Duration, _ now: Moment) -> Bool {
        guard let lease = leases[key], let seconds = jobs[key.job]?.secondsPerTask else { return false }
        let open = lease.open.ranges.reduce(0) { $0 + $1.count }
        let passed = (now - lease.grantedAt).inSeconds
        return seconds * Double(open) - passed < time.inSeconds
            && passed < 2 * seconds * Double(key.count) + time.inSeconds
    }
}
