package import MusterCore

/// Results that nobody has to trust: votes are stored before they are answered, one for each machine, and a task has its
/// result once enough of them are equal.
extension Scheduler {
    func voter(_ member: MemberID) -> Voter { voters[member] ?? Voter(unknown: member) }

    /// Costs a fleet without volunteers nothing.
    func isVolunteer(_ member: MemberID) -> Bool { volunteersAskedAt[member] != nil }

    /// Of the fleet's own, without the coordinator itself.
    var ownMachines: Set<MachineID> {
        Set(voters.filter { $0.key != .referee && !$0.value.isVolunteer }.map(\.value.machine))
    }

    /// In whose name this member's votes on a job count.
    func ballotName(of member: MemberID, in id: JobID) -> MachineID {
        let voter = voter(member)
        guard jobs[id]?.electorate == .workers, !voter.isVolunteer else { return voter.circle }
        return MachineID(worker: member)
    }

    /// Machines, where enough of the fleet's own are there. A quorum that waited for others for ever would help nobody: workers
    /// of one machine at least tell faults of a process. Volunteers do not change that: they come and go.
    private mutating func settleElectorate(of id: JobID) {
        guard jobs[id]!.electorate == nil else { return }
        let needed = jobs[id]!.record.quorum?.needed ?? 0
        let isSmall = !settings.isQuorumStrict && ownMachines.count < needed
        jobs[id]!.electorate = isSmall ? .workers : .machines
    }

    /// As it was when the votes were stored that an earlier process left; settled anew where they do not tell.
    mutating func restoreElectorate(of id: JobID) {
        guard jobs[id]!.record.quorum != nil, let ballots = jobs[id]!.ballots else { return }
        if ballots.voters.contains(where: \.isToldMachine) {
            jobs[id]!.electorate = .machines
        } else if ballots.voters.contains(where: { name in
            // Whoever is not known any more may have told a machine.
            name.worker.map { voters[$0]?.machine != name } ?? false
        }) {
            jobs[id]!.electorate = .workers
        }
    }

    mutating func know(_ member: MemberID, as voter: Voter, _ now: Moment) {
        voters[member] = voter
        volunteersAskedAt[member] = voter.isVolunteer ? now : nil
    }

    mutating func forget(_ member: MemberID) {
        (kernelsOf[member], means[member], claims[member]) = (nil, nil, nil)
        draining.remove(member)
        voters[member] = nil
        volunteersAskedAt[member] = nil
    }

    /// Whether this member is granted nothing because its machine is out.
    package func isBarred(_ member: MemberID) -> Bool {
        guard let voter = voters[member] else { return false }
        return reliability.isOut(voter.machine) || reliability.isOut(MachineID(worker: member))
    }

    // MARK: Granting

    /// The job that wants a vote of this caller's machine, fits and was served longest ago.
    mutating func votingJob(
        for call: LeaseCall, in room: Amounts, _ priority: Priority, _ now: Moment
    ) -> (id: JobID, turn: UInt64)? {
        var best: (id: JobID, turn: UInt64)?
        var vain: [(turn: UInt64, id: JobID)] = []
        for id in votingJobs {
            guard let job = jobs[id], job.ending == nil, job.record.priority == priority, job.hasRoom,
                job.refusals[call.member] == nil,
                !call.confirmsOnly || job.record.quorum == nil,
                call.confirmsOnly || couldHold(job.record.needs, call.member),
                call.kernels.contains(job.record.kernel), best.map({ (job.lastTurn, id) < ($0.turn, $0.id) }) ?? true,
                job.hasVotes(for: ballotName(of: call.member, in: id))
            else { continue }
            if let needs = job.record.needs, !call.confirmsOnly, !needs.amounts.fits(in: room) {
                vain.append((job.lastTurn, id))
            } else {
                best = (id, job.lastTurn)
            }
        }
        for (turn, id) in vain where best.map({ (turn, id) < ($0.turn, $0.id) }) ?? true { needy.foundNoRoom(id, now) }
        return best
    }

    /// Whether a result of a volunteer waits for another's word.
    package var wantsConfirmation: Bool {
        votingJobs.contains { jobs[$0]?.record.quorum == nil && jobs[$0]?.ballots?.wanting.isEmpty == false }
    }

    /// Cuts what this machine may vote on off a job.
    mutating func cutVotes(of id: JobID, for call: LeaseCall, _ now: Moment) -> Grant? {
        settleElectorate(of: id)
        let machine = ballotName(of: call.member, in: id)
        guard let tasks = jobs[id]!.cutVotes(atMost: voteBatchSize(of: id, for: call.member), for: machine)
        else { return nil }
        let attempt = jobs[id]!.ballots!.hold(tasks, by: machine)
        noteVoting(id)
        turns += 1
        jobs[id]!.tookTurn(turns, nil)
        return grant(PendingRun(tasks: tasks, attempt: attempt, failures: 0), of: id, to: call.member, now)
    }

    private func voteBatchSize(of id: JobID, for member: MemberID) -> Int {
        let job = jobs[id]!
        let waiting = (job.ballots?.wantingCount ?? 0) + (job.record.quorum.map { job.freshCount * $0.needed } ?? 0)
        return batchSize(of: job, waiting: waiting, for: member)
    }

    /// Keeps the list of jobs that want votes, and has held calls look again.
    mutating func noteVoting(_ id: JobID) {
        votingNews &+= 1
        if jobs[id]?.wantsVotes == true { votingJobs.insert(id) } else { votingJobs.remove(id) }
    }

    /// Another machine is asked as well for what one is slow with.
    mutating func copyVotes(of lease: Lease, _ now: Moment) -> (call: LeaseCall, grant: Grant)? {
        let id = lease.key.job
        guard let ballots = jobs[id]?.ballots else { return nil }
        for call in callLine.elements.compactMap({ calls[$0] })
        where call.member != lease.key.member && mayServe(call) && call.kernels.contains(jobs[id]!.record.kernel)
            && jobs[id]!.refusals[call.member] == nil && mayCopy(jobs[id]!, call)
        {
            let machine = ballotName(of: call.member, in: id)
            guard let tasks = ballots.untouched(lease.open, by: machine).ranges.first else { continue }
            let attempt = jobs[id]!.ballots!.hold(tasks, by: machine, asExtra: true)
            return (call, grant(PendingRun(tasks: tasks, attempt: attempt, failures: 0), of: id, to: call.member, now))
        }
        return nil
    }

    // MARK: Votes

    /// Which of the wanted tasks of a report are to be voted on: those that are already, all of a job with a quorum, and of a
    /// volunteer's what is drawn, after it came, to be confirmed.
    mutating func tasksToVoteOn(_ report: TaskReport, _ wanted: RangeSet<Int>, _ voter: Voter) -> RangeSet<Int> {
        let job = jobs[report.key.job]!
        if job.record.quorum != nil { return wanted }
        var chosen = job.ballots.map { wanted.intersection($0.open) } ?? RangeSet()
        guard voter.isVolunteer, job.record.isDeterministic else { return chosen }
        let probability = reliability.checkProbability(of: voter.machine)
        if probability >= 1 { return wanted }
        // That something failed is said quickly: others have to say so, too.
        for failure in report.failures where wanted.contains(failure.task) {
            chosen.insert(contentsOf: failure.task..<failure.task + 1)
        }
        for task in wanted.ranges.flatMap({ $0 }) where draw() < probability {
            chosen.insert(contentsOf: task..<task + 1)
        }
        return chosen
    }

    /// 0..<1, known to nobody before.
    private mutating func draw() -> Double { Double(dice.next() >> 11) * 0x1p-53 }

    /// Puts a report's votes on these tasks in memory. Those to be stored, or nil when a vote of this machine on one of them is on its
    /// way already.
    mutating func vote(_ report: TaskReport, _ tasks: RangeSet<Int>, _ source: ReportSource, held: RangeSet<Int>)
        -> (tasks: RangeSet<Int>, records: [VoteRecord])?
    {
        let id = report.key.job
        settleElectorate(of: id)
        let machine = ballotName(of: source.member, in: id)
        let isVolunteer = voter(source.member).isVolunteer
        let owner = isVolunteer ? voter(source.member).machine : machine
        beginBallots(of: id, on: tasks)
        let voted = RangeSet<Int>(
            tasks.ranges.flatMap { $0 }.filter { jobs[id]!.ballots![$0]!.hasVote(of: machine) },
            within: 0..<jobs[id]!.record.count)
        for task in voted.ranges.flatMap({ $0 }) {
            let own = jobs[id]!.ballots![task]!.votes.first { $0.machine == machine }!
            if !own.isDurable { return nil }
        }
        var new = tasks.subtracting(voted)
        if isVolunteer, jobs[id]!.ballots!.isOverfull {
            // Second votes free what first ones hold.
            new.subtract(jobs[id]!.ballots!.withoutVotes(new))
        }
        guard !new.isEmpty else { return (new, []) }
        let reasons = Dictionary(report.failures.map { ($0.task, $0.reason) }, uniquingKeysWith: { first, _ in first })
        let lines = report.blobs == nil ? report.values.lines : []
        let seconds = report.seconds.lines
        for task in new.ranges.flatMap({ $0 }) {
            let place = task - report.start
            let choice: Vote.Choice =
                reasons[task] != nil ? .failure : .value(Array(report.blobs?[place] ?? lines[place]))
            let vote = Vote(
                machine: machine, owner: owner, isVolunteer: isVolunteer, worker: source.worker,
                attempt: report.key.attempt,
                run: report.key.first, choice: choice, reason: reasons[task] ?? "", seconds: Array(seconds[place]),
                isDurable: false)
            jobs[id]!.ballots!.add(vote, on: task, wasHeld: held.contains(task))
        }
        noteVoting(id)
        let records = jobs[id]!.isTransient ? [] : resultRecords(of: report, new, worker: source.worker)
        return (new, records.map { VoteRecord(machine: machine, owner: owner, isVolunteer: isVolunteer, result: $0) })
    }

    private mutating func beginBallots(of id: JobID, on tasks: RangeSet<Int>) {
        jobs[id]!.makeBallots()
        for range in tasks.subtracting(jobs[id]!.ballots!.open).ranges { jobs[id]!.ballots!.begin(range) }
    }

    /// Votes that are durable now may decide their tasks.
    mutating func decide(_ id: JobID, _ tasks: RangeSet<Int>, _ effects: inout [SchedulerEffect]) {
        guard let job = jobs[id], let ballots = job.ballots, job.ending == nil else { return }
        var verdict = Decisions(job: id, isTransient: job.isTransient)
        for task in tasks.intersection(ballots.open).ranges.flatMap({ $0 }) {
            switch ballots.outcome(of: task) {
            case .open: continue
            case .agreed(let winner, let votes):
                verdict.add(task, winner, votes: votes)
                if !ballots[task]!.isJudged { verdict.judge(ballots[task]!.votes, winner) }
            case .split(let votes): verdict.add(split: task, votes: votes, rules: ballots.rules)
            }
        }
        guard !verdict.tasks.isEmpty else { return }
        jobs[id]!.ballots!.set(decided: true, verdict.tasks)
        noteVoting(id)
        record(verdict, &effects)
    }

    private mutating func record(_ verdict: Decisions, _ effects: inout [SchedulerEffect]) {
        let id = verdict.job
        var (writes, out) = account(verdict)
        var pending = PendingCommit(job: id)
        pending.taken = verdict.tasks
        pending.values = verdict.values
        pending.failures = verdict.failures
        pending.shares = verdict.shares
        pending.isDecision = true
        if verdict.isTransient {
            effects.append(.produced(id, verdict.transient))
        } else {
            writes =
                verdict.records.map { .addResults($0) }
                + verdict.tasks.ranges.map { .removeVotes(id, $0) } + writes
        }
        jobs[id]!.take(verdict.tasks)
        jobs[id]!.committing.formUnion(verdict.tasks)
        endWith(&pending, &writes)
        commit(pending, writes, &effects)
        for machine in out { bar(machine, &effects) }
    }

    /// Who was right and who was wrong. What is to be stored of it, and who is out by it.
    private mutating func account(_ verdict: Decisions) -> (writes: [StoreWrite], out: [MachineID]) {
        var out: [MachineID] = []
        let machines = verdict.judgements.keys.sorted()
        for machine in machines {
            let judged = verdict.judgements[machine]!
            if judged.right > 0 { reliability.confirmed(machine, results: judged.right) }
            if judged.wrong > 0, reliability.refuted(machine, results: judged.wrong) { out.append(machine) }
            count {
                $0.confirmed += judged.right
                $0.refuted += judged.wrong
            }
        }
        return (machines.map { .saveStanding($0, reliability[$0]) }, out)
    }

    // MARK: Who is out

    /// The machine gets no more work, and what of it was not confirmed is somebody else's to do.
    mutating func bar(_ machine: MachineID, _ effects: inout [SchedulerEffect]) {
        reliability.bar(machine)
        let members = voters.filter { $0.value.machine == machine || MachineID(worker: $0.key) == machine }
        for member in members.keys.sorted() {
            let held = inOrder(leasesOfMember[member] ?? [])
            for key in held { giveBack(key) }
            if !held.isEmpty { effects.append(.revoke(member, held)) }
            loseDeals(of: member)
        }
        let names = [machine] + members.keys.sorted().map { MachineID(worker: $0) }.filter { $0 != machine }
        for id in jobs.keys.filter({ jobs[$0]!.ballots != nil }).sorted() {
            for name in names { jobs[id]!.ballots!.withdrawAll(of: name) }
            noteVoting(id)
        }
        let votes = names.map { StoreWrite.removeVotesOf($0) }
        effects.append(.distrust(machine, votes + [.saveStanding(machine, reliability[machine])]))
    }

    /// What was dealt to a volunteer that neither asks for it nor computes is dealt to others.
    mutating func dealPastIdleVolunteers(_ now: Moment) {
        guard !dealtLines.isEmpty, !volunteersAskedAt.isEmpty else { return }
        for member in dealtLines.keys.sorted() where leasesOfMember[member] == nil {
            guard let asked = volunteersAskedAt[member], now - asked > settings.leaseTime,
                !calls.values.contains(where: { $0.member == member })
            else { continue }
            loseDeals(of: member)
        }
    }

    /// Deals what was dealt to this member to others.
    mutating func loseDeals(of member: MemberID) {
        for id in jobs.keys.filter({ jobs[$0]!.deal?.isAbout(member) == true }).sorted() {
            jobs[id]!.dealAgain(from: member, isGone: true)
            line(up: id)
        }
        dealtLines[member] = nil
    }

    /// What a report's sender did; for members whose machine is known. More than a day for each task is not believed.
    func contribution(_ report: TaskReport, _ member: MemberID) -> [StoreWrite] {
        guard let voter = voters[member] else { return [] }
        let tasks = report.values.count
        let seconds = min(max(0, report.secondsTotal), Double(tasks) * 86_400)
        return [
            .contributed(Contribution(machine: voter.machine, tasks: tasks, seconds: seconds, atMs: wallClockMs))
        ]
    }
}
