package import MusterCore

/// Tasks that need more than one cpu: where they fit, and what is kept free for them.
extension Scheduler {
    /// What the member has when nothing runs there.
    func means(of member: MemberID) -> Resources { means[member] ?? Resources(.oneCPU) }

    /// Whether the member has enough when nothing runs there.
    func couldHold(_ needs: Needs?, _ member: MemberID) -> Bool { needs?.areMet(by: means(of: member)) ?? true }

    /// Whether it has enough, and enough of that is free.
    func hasRoom(for needs: Needs?, at member: MemberID, in room: Amounts) -> Bool {
        guard let needs else { return true }
        return needs.amounts.fits(in: room) && couldHold(needs, member)
    }

    /// Whether a copy of a lease of the job may go out by this call.
    func mayCopy(_ job: ScheduledJob, _ call: LeaseCall) -> Bool {
        needy.reservations[call.member] == nil && hasRoom(for: job.record.needs, at: call.member, in: call.free)
    }

    /// The job that was served longest ago of those of which a task fits. One whose turn it is in vain, at a worker that has enough
    /// when nothing runs there, is remembered.
    mutating func needyJob(
        for call: LeaseCall, in room: Amounts, _ priority: Priority, before other: (turn: UInt64, id: JobID)?,
        _ now: Moment
    ) -> (id: JobID, turn: UInt64)? {
        guard !needy.isEmpty, !call.confirmsOnly, needy.looked[call.id] != needy.news else { return nil }
        var best = other
        var vain: [(turn: UInt64, id: JobID)] = []
        var found = false
        for (line, ids) in needy.lines
        where line.name.priority == priority && call.kernels.contains(line.name.kernel)
            && couldHold(line.needs, call.member)
        {
            guard let id = ids.first(where: { mayTake($0, call) }), let job = jobs[id] else { continue }
            if job.ballots?.isFull == true, isVolunteer(call.member) { continue }
            guard best.map({ (job.lastTurn, id) < ($0.turn, $0.id) }) ?? true else { continue }
            guard line.needs.amounts.fits(in: room) else {
                vain.append((job.lastTurn, id))
                continue
            }
            (best, found) = ((job.lastTurn, id), true)
        }
        for (turn, id) in vain where best.map({ (turn, id) < ($0.turn, $0.id) }) ?? true { needy.foundNoRoom(id, now) }
        return found ? best.map { ($0.id, $0.turn) } : nil
    }

    // MARK: Reservations

    /// Whether what the worker is kept free for fits now; then whether that is a vote.
    func mayTakeKept(_ kept: NeedyJobs.Reservation, _ call: LeaseCall, _ free: Amounts) -> Bool? {
        guard let job = jobs[kept.job], call.kernels.contains(job.record.kernel),
            hasRoom(for: kept.needs, at: call.member, in: free)
        else { return nil }
        if job.hasWork, mayTake(kept.job, call) { return false }
        let isWanted = job.wantsVotes && job.refusals[call.member] == nil
        return isWanted && job.hasVotes(for: ballotName(of: call.member, in: kept.job)) ? true : nil
    }

    /// What others may be given without delaying the job that the worker is kept free for: as if all that it held before were over.
    func spare(beside kept: NeedyJobs.Reservation, at member: MemberID) -> Amounts {
        var spare = means(of: member).amounts - kept.needs.amounts
        for key in leasesOfMember[member] ?? [] where !kept.earlier.contains(key) {
            spare -= jobs[key.job]?.record.needs?.amounts ?? .oneCPU
        }
        return spare
    }

    /// Ends reservations that are of no use any more, and makes those that are due.
    mutating func lookAfterReservations(_ now: Moment) {
        for (member, kept) in needy.reservations where !isOfUse(kept, at: member) { needy.release(member) }
        guard !needy.waitingSince.isEmpty else { return }
        let due = needy.waitingSince.filter { now - $0.value >= settings.reservationTime }
        for (id, _) in due.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
            guard let job = jobs[id], job.hasWork || job.wantsVotes, let needs = job.record.needs else {
                needy.forget(id)
                continue
            }
            guard needy.reservations.count < settings.reservationsMax else { return }
            guard needy.workers(keptFor: id).isEmpty, let member = workerToKeep(for: job, needs) else { continue }
            needy.reserve(
                member,
                NeedyJobs.Reservation(
                    job: id, priority: job.record.priority, needs: needs, earlier: leasesOfMember[member] ?? []))
        }
    }

    private func isOfUse(_ kept: NeedyJobs.Reservation, at member: MemberID) -> Bool {
        guard let job = jobs[kept.job], job.hasWork || job.wantsVotes else { return false }
        return mayKeep(member, for: job, kept.needs)
    }

    private func mayKeep(_ member: MemberID, for job: ScheduledJob, _ needs: Needs) -> Bool {
        isGrantable(member) && kernelsOf[member]?.contains(job.record.kernel) == true && job.refusals[member] == nil
            && couldHold(needs, member)
    }

    /// The one with the least to wait for, of these the smallest.
    private func workerToKeep(for job: ScheduledJob, _ needs: Needs) -> MemberID? {
        means.keys.filter { needy.reservations[$0] == nil && mayKeep($0, for: job, needs) }
            .map { (held: held(by: $0).cpus, cpus: means(of: $0).amounts.cpus, member: $0) }
            .min { ($0.held, $0.cpus, $0.member) < ($1.held, $1.cpus, $1.member) }?.member
    }

    /// Whether the member could begin such a task at once: what it holds is not over before it has said so.
    func hasSlot(for needs: Needs?, at member: MemberID) -> Bool {
        (needs?.amounts ?? .oneCPU).fits(in: means(of: member).amounts - held(by: member))
    }

    private func held(by member: MemberID) -> Amounts {
        (leasesOfMember[member] ?? []).reduce(into: Amounts()) {
            $0 += jobs[$1.job]?.record.needs?.amounts ?? .oneCPU
        }
    }

    // MARK: Looking

    /// What no worker, or none with this label, could ever run of it, in words; nil: some could.
    package func lack(of needs: Needs, amongThoseWith label: String? = nil) -> String? {
        let workers = means.keys.filter { !isBarred($0) && !draining.contains($0) }.map { means(of: $0) }
        return needs.lack(among: workers.filter { label.map($0.labels.keys.contains) ?? true })
    }

    /// Why no task of the job runs though some worker could run one: what of its needs is not free. Nil: its needs are not in the way.
    package func lackNow(of id: JobID) -> (words: String, keptWorker: MemberID?)? {
        guard let job = jobs[id], let needs = job.record.needs, job.hasWork || job.wantsVotes else { return nil }
        let able = means.keys.filter {
            isGrantable($0) && couldHold(needs, $0) && kernelsOf[$0]?.contains(job.record.kernel) ?? true
        }
        let free = able.map { Resources(means(of: $0).amounts - held(by: $0), labels: means(of: $0).labels) }
        return needs.lack(among: free, isFree: true).map { ($0, needy.workers(keptFor: id).first) }
    }
}
