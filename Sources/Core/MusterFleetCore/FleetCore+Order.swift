package import MusterCore
internal import MusterScheduling

/// Jobs that wait for others.
extension FleetCore {
    /// Why the job waits for others, in words; nil where it does not.
    package func order(of job: JobID) -> String? { order.words(of: job) }

    /// Whether an unfinished job waits for this one, or waits and was to run after it: what is known of it is needed still.
    package func isAwaited(_ job: JobID) -> Bool { order.isAwaited(job) }

    /// As without an order, and then what follows from that for jobs that wait.
    mutating func workInOrder(_ event: SchedulerEvent, _ now: Moment) -> [FleetEffect] {
        var (event, added): (SchedulerEvent, JobID?) = (event, nil)
        if case .jobAdded(var job, let members) = event, order.isHeld(job.job.record.id) {
            job.isHeld = true
            added = job.job.record.id
            event = .jobAdded(job, dealtTo: members)
        }
        let decided = scheduler.handle(event, now: now)
        var effects = decided.map(FleetEffect.work)
        if let added, let verdict = order.added(added) { effects += follow(verdict, of: added, now) }
        for case .ended(let id, let state) in decided {
            for (job, verdict) in order.ended(id, state) { effects += follow(verdict, of: job, now) }
        }
        return effects
    }

    /// What is stored first can be repeated: a restart comes to the same.
    private mutating func follow(_ verdict: JobOrder.Verdict, of id: JobID, _ now: Moment) -> [FleetEffect] {
        switch verdict {
        case .run: [.store([.releaseJob(id)])] + work(.horizonMoved(id, to: .max), now)
        case .cancel(let reason): [.store([.explainJob(id, reason)])] + cancel(id, now)
        }
    }

    private mutating func cancel(_ id: JobID, _ now: Moment) -> [FleetEffect] {
        work(.cancelAsked(id, wallClockMs: wallClockMs), now)
    }

    /// Where the store refused to end one.
    mutating func cancelAgain(_ now: Moment) -> [FleetEffect] {
        order.cancelled.isEmpty ? [] : order.cancelled.sorted().flatMap { cancel($0, now) }
    }
}
