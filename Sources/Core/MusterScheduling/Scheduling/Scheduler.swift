package import MusterCore

/// Decides which worker computes what, and which results count.
///
/// The duties of its driver, in order: pass every event in with the moment it happened; perform the effects in the order
/// they come; hand `commit` groups to the store in that order and report each one's end with `committed` or
/// `commitFailed`; answer each `LeaseCall` once (a `grant` effect, or empty by itself followed by `callEnded`); tick
/// every 100 ms or so. Execution is at least once; recording is exactly once: `taken` tasks are never recorded again,
/// and a delivery is answered only after the commit that holds it.
package struct Scheduler: Sendable {
    package struct Settings: Sendable {
        /// How long a grant holds without renewal. 1 to 3600 s; from `--lease-seconds`, whose default this is.
        package var leaseTime: Duration = .seconds(15)
        /// A task is parked as failed once so many workers died holding it alone. 1…100; from `--crash-limit`, whose default this is.
        package var crashLimit = 3
        /// Volunteers' machines are not believed so soon: a task is parked once three times as many different ones died
        /// with nothing but it.
        var volunteerCrashLimit: Int { 3 * crashLimit }
        package var reliability = Reliability.Settings()
        /// Two workers of one machine never vote on the same task, even where no other machine is there. From
        /// `--strict-quorum`.
        package var isQuorumStrict = false
        /// Batches are cut to take about so long on one slot.
        package var batchTime: Duration = .milliseconds(100)
        /// Near a job's end batches shrink, so that all slots end together, but not below so much work.
        package var batchTimeMin: Duration = .milliseconds(2)
        /// Most tasks in one grant.
        package var batchTasksMax = 10_000
        /// A lease is given to an idle worker as well once it takes twice its expected time and this much longer.
        package var stragglerTime: Duration = .milliseconds(500)
        /// The same where no task of the job has been measured, for volunteers and for what somebody waits for.
        package var unmeasuredTime: Duration = .seconds(5)
        /// A failed task is left to other workers than the last for so long, where there are others.
        package var elsewhereTime: Duration = .seconds(30)
        /// A worker that cannot run a job's tasks by its own fault is granted none of them for so long, where there are others.
        package var refusalTime: Duration = .seconds(30)
        /// A job whose turn it was for so long, and of which no task found room at a worker that has enough when nothing runs
        /// there, has one kept free for it.
        package var reservationTime: Duration = .seconds(2)
        /// Most workers that are kept free at one time.
        package var reservationsMax = 64

        package init() {}
    }

    let settings: Settings
    let sealer: any TicketSealer
    var jobs: [JobID: ScheduledJob] = [:]
    var leases: [LeaseKey: Lease] = [:]
    var leasesOfMember: [MemberID: Set<LeaseKey>] = [:]
    /// What suspected members held when their leases were taken back, in case they turn out to have died of it.
    var heldBySuspects: [MemberID: [LeaseKey]] = [:]
    /// Members that are suspected or about to be gone: their calls are held, but granted nothing.
    var suspects: Set<MemberID> = []
    /// Members that finish what they have and go: they are granted nothing more.
    var draining: Set<MemberID> = []
    /// What of nobody's leases a worker says that it holds, from before this process or after it was given up; and since when.
    var claims: [MemberID: (keys: [LeaseKey], at: Moment)] = [:]
    /// What each worker can run, by its last call.
    var kernelsOf: [MemberID: Set<String>] = [:]
    /// Jobs whose next start is not due yet, and those of which nothing is begun any more.
    var paused: Set<JobID> = []
    var halting: Set<JobID> = []
    /// Whether the call that is looked at gets nothing because a job near its halt waits for the report of what its slot runs.
    var awaitsSlot = false
    /// Unfinished jobs of which nothing is run twice; what of them is on its way to the store before its worker is answered; and for
    /// which calls.
    var onceOnly: Set<JobID> = []
    var pendingGrants: [CommitID: PendingGrant] = [:]
    var callsToAnswer: Set<LeaseCallID> = []
    /// Jobs with tasks that are to be tried again, or workers that cannot run them.
    var jobsInTrouble: Set<JobID> = []
    /// Of the latest event.
    private(set) var latest = Moment.zero
    /// What each worker has when nothing runs there; of members that told.
    var means: [MemberID: Resources] = [:]
    var calls: [LeaseCallID: LeaseCall] = [:]
    /// The held call of each member that a later one may speak for.
    var mergeable: [MemberID: LeaseCallID] = [:]
    var callLine = WaitingLine<LeaseCallID>()
    /// Jobs with work, by priority and kernel; in each line the job that was served longest ago is first.
    var lines: [LineName: WaitingLine<JobID>] = [:]
    /// Jobs with work whose tasks need more than one cpu: in no other line.
    var needy = NeedyJobs()
    /// Dealt jobs with work, by the member that it waits for.
    var dealtLines: [MemberID: [LineName: WaitingLine<JobID>]] = [:]
    var turns: UInt64 = 0
    var commits: [CommitID: PendingCommit] = [:]
    var deliveries: [DeliveryID: PendingDelivery] = [:]
    var nextCommit: UInt64 = 1
    /// No lease ends before this moment.
    var earliestDeadline: Moment?
    /// Complete jobs whose end the store refused; tried again at each tick.
    var endsToRetry: Set<JobID> = []
    var wallClockMs: WallClockMs = 0
    package private(set) var counters = Counters()
    /// In whose name members' results count; of members that told.
    var voters: [MemberID: Voter] = [:]
    /// When each volunteer last asked for work, or joined; of others nothing.
    var volunteersAskedAt: [MemberID: Moment] = [:]
    package internal(set) var reliability: Reliability
    var paces = Paces()
    /// Draws what is checked: known to nobody before.
    var dice: any RandomNumberGenerator & Sendable
    /// Jobs that want votes.
    var votingJobs: Set<JobID> = []
    /// Changes whenever a held call may find a vote that it did not find before, and when each call last looked.
    var votingNews: UInt64 = 1
    var callsLooked: [LeaseCallID: UInt64] = [:]
    /// Decisions that the store refused; taken again at each tick.
    var decisionsToRetry: [JobID: RangeSet<Int>] = [:]

    package init(
        settings: Settings = Settings(), sealer: any TicketSealer,
        dice: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.settings = settings
        self.sealer = sealer
        self.dice = dice
        reliability = Reliability(settings: settings.reliability)
    }

    struct LineName: Hashable, Sendable {
        var priority: Priority
        var kernel: String
    }

    /// Sums since the start, for `/metrics`.
    package struct Counters: Hashable, Sendable {
        package var granted = 0
        package var recorded = 0
        package var failed = 0
        package var stale = 0
        package var forged = 0
        package var expired = 0
        package var copied = 0
        /// Tasks that failed and were to be tried again, and tasks that workers could not run by their own fault.
        package var retried = 0
        package var refused = 0
        package var parked = 0
        /// Votes that were stored, and those that turned out right or wrong.
        package var votes = 0
        package var confirmed = 0
        package var refuted = 0
    }

    /// Takes one event and says what is to be done. Never fails: what makes no sense is answered, not trusted.
    package mutating func handle(_ event: SchedulerEvent, now: Moment) -> [SchedulerEffect] {
        var effects: [SchedulerEffect] = []
        latest = max(latest, now)
        if !paused.isEmpty { endPauses(now) }
        switch event {
        case .jobAdded(let job, let members):
            add(ScheduledJob(job, dealtTo: members.filter { !isBarred($0) }), now, &effects)
        case .transientAdded(let record, let horizon):
            add(ScheduledJob(transient: record, horizon: horizon), now, &effects)
        case .horizonMoved(let id, let horizon): moveHorizon(of: id, to: horizon, now, &effects)
        case .cancelAsked(let id, let wallClock):
            wallClockMs = wallClock
            end(id, .cancelled, &effects)
        case .haltAsked(let id, let wallClock):
            wallClockMs = wallClock
            halt(id, &effects)
        case .pauseEnded: serve(now, &effects)
        case .workAsked(let call): ask(call, now, &effects)
        case .callEnded(let id):
            forget(call: id)
            callsToAnswer.remove(id)
        case .grantUndelivered(let keys):
            for key in keys { giveBackUnbegun(key, &effects) }
            serve(now, &effects)
        case .reported(let delivery, let member, let worker, let reports, let wallClock):
            wallClockMs = wallClock
            receive(reports, ReportSource(delivery: delivery, member: member, worker: worker), now, &effects)
        case .committed(let id): settled(id, nil, now, &effects)
        case .commitFailed(let id, let reason): settled(id, reason, now, &effects)
        case .renewed(let member, let keys): renew(keys, of: member, now, &effects)
        case .returned(let member, let returned):
            for tasks in returned where tasks.key.member == member {
                if takeBack(tasks, now) { dropNote(tasks.key, &effects) }
            }
            serve(now, &effects)
        case .unbegun(let member): takeBackAll(of: member, now, &effects)
        case .memberSuspected(let member):
            suspect(member, isGone: false, &effects)
            serve(now, &effects)
        case .memberReturned(let member):
            welcome(member)
            serve(now, &effects)
        case .membersGoing(let members): suspects.formUnion(members)
        case .memberKnown(let member, let voter, let resources):
            if self.voter(member) != voter { for key in inOrder(leasesOfMember[member] ?? []) { giveBack(key) } }
            know(member, as: voter, now)
            means[member] = resources
            needy.noteNews()
            // Its next process is dealt nothing either.
            if isBarred(member) { loseDeals(of: member) }
            votingNews &+= 1
            serve(now, &effects)
        case .standingRestored(let machine, let standing): reliability.restore(standing, of: machine)
        case .machineBarred(let machine):
            bar(machine, &effects)
            serve(now, &effects)
        case .memberDraining(let member):
            drain(member, &effects)
            serve(now, &effects)
        case .memberGone(let member, let crashed, let wallClock):
            wallClockMs = wallClock
            lose(member, crashed: crashed, &effects)
            serve(now, &effects)
        case .ticked(let wallClock):
            wallClockMs = wallClock
            tick(now, &effects)
        }
        return effects
    }

    mutating func count(_ change: (inout Counters) -> Void) { change(&counters) }

    /// Durable counts of an unfinished job, and whether somebody holds a part of it now; nil for one that is unknown or over.
    package func progress(
        of id: JobID
    ) -> (done: Int, failed: Int, running: Bool, isHeld: Bool, workers: [String: Int])? {
        jobs[id].map { job in
            (job.done, job.failed, job.takenCount > 0 || !job.leases.isEmpty, !job.leases.isEmpty, job.workers)
        }
    }

    /// Whether this unfinished job has no result yet, not even one on its way to the store.
    package func isUntouched(_ id: JobID) -> Bool { jobs[id]?.takenCount == 0 }

    /// What this member holds, or held when it was suspected.
    package func leases(of member: MemberID) -> Set<LeaseKey> {
        (leasesOfMember[member] ?? []).union(heldBySuspects[member] ?? [])
    }

    /// Whether a member has this attempt at a task: a look at its own leases, however many the job has.
    package func holds(_ member: MemberID, _ task: Int, in id: JobID, attempt: Int) -> Bool {
        leasesOfMember[member]?.contains { $0.job == id && $0.attempt == attempt && $0.tasks.contains(task) } ?? false
    }

    /// Whether anybody has a task.
    package func isHeld(_ task: Int, in id: JobID) -> Bool {
        jobs[id]?.leases.contains { $0.tasks.contains(task) } ?? false
    }

    package var unfinishedJobs: [JobID] { jobs.keys.sorted() }
    package var leasedTaskCount: Int {
        leases.values.reduce(0) { sum, lease in
            sum + lease.open.ranges.reduce(0) { $0 + $1.count }
        }
    }
    package var waitingTaskCount: Int { jobs.values.reduce(0) { $0 + ($1.isHeld ? 0 : $1.waitingCount) } }
    package var heldCallCount: Int { calls.count }

    private mutating func moveHorizon(
        of id: JobID, to horizon: Int, _ now: Moment, _ effects: inout [SchedulerEffect]
    ) {
        guard let job = jobs[id], horizon > job.horizon else { return }
        jobs[id]!.horizon = min(horizon, job.record.count)
        line(up: id)
        noteVoting(id)
        serve(now, &effects)
    }

    private mutating func add(_ job: ScheduledJob, _ now: Moment, _ effects: inout [SchedulerEffect]) {
        let id = job.record.id
        guard jobs[id] == nil else { return }
        jobs[id] = job
        jobs[id]!.addedAt = now
        if !job.isTransient { jobs[id]!.guessedSeconds = paces.seconds(of: job.record) }
        if !job.record.reruns, !job.isTransient { onceOnly.insert(id) }
        for task in job.begunBefore { adopt(task, now) }
        if jobs[id]!.isComplete {
            finishIfComplete(id, &effects)
        } else {
            haltIfReached(id, &effects)
            line(up: id)
            restoreElectorate(of: id)
            noteVoting(id)
            // Votes of an earlier process's time may be enough already.
            if let open = jobs[id]!.ballots?.open { decide(id, open, &effects) }
            serve(now, &effects)
        }
    }

    /// Starts a job's end: it is over for the workers at once, for everybody else when it is durable.
    mutating func end(_ id: JobID, _ state: JobState, _ effects: inout [SchedulerEffect]) {
        guard jobs[id] != nil, jobs[id]!.ending == nil else { return }
        jobs[id]!.ending = state
        leaveLine(id)
        noteVoting(id)
        if onceOnly.contains(id) { jobs[id]!.revoked = jobs[id]!.leases.filter { !isPending($0) } }
        revokeLeases(of: id, &effects)
        let why = (jobs[id]!.haltWatch?.reason).map { [StoreWrite.explainJob(id, $0)] } ?? []
        commit(PendingCommit(job: id, end: state), why + [.endJob(id, state, endedMs: endedMs(of: id))], &effects)
    }

    /// When a job that ends now has ended: its clock is the monotonic one.
    func endedMs(of id: JobID) -> WallClockMs {
        guard let job = jobs[id] else { return wallClockMs }
        return job.record.createdMs + job.elapsed(at: latest).inNanoseconds / 1_000_000
    }

    mutating func commit(_ pending: PendingCommit, _ writes: [StoreWrite], _ effects: inout [SchedulerEffect]) {
        let id = CommitID(nextCommit)
        nextCommit += 1
        commits[id] = pending
        jobs[pending.job]?.commitsUnderWay += 1
        // What is not stored has nothing to wait for.
        if jobs[pending.job]?.isTransient == true { return committed(id, &effects) }
        effects.append(.commit(id, writes))
        guard jobs[pending.job]?.haltWatch != nil else { return }
        jobs[pending.job]!.haltWatch!.count(succeeded: pending.values, failed: pending.failures)
        haltIfReached(pending.job, &effects)
    }

    private mutating func tick(_ now: Moment, _ effects: inout [SchedulerEffect]) {
        if let earliest = earliestDeadline, earliest <= now {
            for key in inOrder(leases.values.filter { $0.deadline <= now }.map(\.key)) {
                count { $0.expired += 1 }
                lose(key, "gave no sign of it any more", &effects)
            }
            earliestDeadline = leases.values.map(\.deadline).min()
        }
        for id in endsToRetry.sorted() { finishIfComplete(id, &effects) }
        endHalted(&effects)
        let undecided = decisionsToRetry
        decisionsToRetry = [:]
        for id in undecided.keys.sorted() { decide(id, undecided[id]!, &effects) }
        dealPastIdleVolunteers(now)
        lookAfterTroubles(now)
        lookAfterReservations(now)
        serve(now, &effects)
        serveStragglers(now, &effects)
    }
}
