package import MusterCore

/// What of a fleet its pages show and may change, at one moment, in few bytes: two looks are compared by it.
package struct OverviewLook: Sendable {
    package struct Member: Hashable, Sendable {
        /// Its process; another one may have another machine, address or number of slots.
        package var incarnation: String
        package var state: String
        /// It gets no work: its machine was wrong too often.
        package var isBarred: Bool
        package var isDraining: Bool

        package init(incarnation: String, state: String, isBarred: Bool = false, isDraining: Bool = false) {
            (self.incarnation, self.state) = (incarnation, state)
            (self.isBarred, self.isDraining) = (isBarred, isDraining)
        }
    }

    /// An unfinished job.
    package struct Job: Hashable, Sendable {
        package var done: Int
        package var failed: Int
        package var isRunning: Bool

        package init(done: Int, failed: Int, isRunning: Bool) {
            (self.done, self.failed, self.isRunning) = (done, failed, isRunning)
        }
    }

    /// What a member holds: tasks of one job, or of the first of several.
    package struct Doing: Hashable, Sendable {
        package var job: JobID
        package var tasks: Int

        package init(job: JobID, tasks: Int) { (self.job, self.tasks) = (job, tasks) }
    }

    /// Everybody shown, by rank, then those without one.
    package var order: [MemberID] = []
    /// Of each in `order`, in that order.
    package var members: [Member] = []
    /// Nil: not looked at this time.
    package var doing: [MemberID: Doing]?
    package var jobs: [JobID: Job] = [:]

    package init() {}
}

/// What pages that know one look have to be told for the next. Each part says how something is now, so that hearing of it twice
/// does no harm.
package struct OverviewChange: Hashable, Sendable {
    /// Members that are new or not as they were, in their order.
    package var members: [MemberID] = []
    package var gone: [MemberID] = []
    /// All of them, where somebody came, went or moved up.
    package var order: [MemberID]?
    /// Nil: it holds nothing now.
    package var doing: [MemberID: OverviewLook.Doing?] = [:]
    /// Jobs that are new or began to run or to wait: to be told whole.
    package var jobs: [JobID] = []
    /// Counts of other jobs that went on.
    package var progress: [JobID: OverviewLook.Job] = [:]
    /// Jobs that are unfinished no more.
    package var over: [JobID] = []

    package init(from old: OverviewLook, to new: OverviewLook) {
        // Mostly nobody came or went, and nothing has to be looked up.
        if old.order == new.order {
            members = new.order.indices.filter { old.members[$0] != new.members[$0] }.map { new.order[$0] }
        } else {
            let before = Dictionary(uniqueKeysWithValues: zip(old.order, old.members))
            let here = Set(new.order)
            members = zip(new.order, new.members).filter { before[$0.0] != $0.1 }.map(\.0)
            gone = old.order.filter { !here.contains($0) }
            order = new.order
        }
        if let now = new.doing {
            let before = old.doing ?? [:]
            for (id, doing) in now where before[id] != doing { self.doing[id] = .some(doing) }
            let idle = before.keys.filter { now[$0] == nil }
            let here = idle.isEmpty ? [] : Set(new.order)
            for id in idle where here.contains(id) { self.doing.updateValue(nil, forKey: id) }
        }
        for (id, job) in new.jobs {
            guard let before = old.jobs[id], before.isRunning == job.isRunning else {
                jobs.append(id)
                continue
            }
            if before != job { progress[id] = job }
        }
        jobs.sort()
        over = old.jobs.keys.filter { new.jobs[$0] == nil }.sorted()
    }
}
