internal import MusterCore

/// Jobs that wait for others: for which of those, and what becomes of them as those end.
///
/// What it owes its owner is small: a job that waits is announced before it is added to the scheduler, which is to hold it, and the
/// end of every job is told. It is empty while nobody waits.
struct JobOrder: Sendable {
    /// What is to be done with a job that waits no longer.
    enum Verdict: Hashable, Sendable {
        case run
        /// To be cancelled, for this reason.
        case cancel(String)
    }

    private struct Waiting: Sendable {
        let after: Prerequisites
        /// Those that have not ended.
        var open: Set<JobID>
        var failure: String?
        /// The scheduler has it: until then nothing can be done with it.
        var isAdded = false

        var verdict: Verdict? { failure.map { .cancel($0) } ?? (open.isEmpty ? .run : nil) }
    }

    private var waiting: [JobID: Waiting] = [:]
    /// Who waits and was to run after this job, be it over or not.
    private var followers: [JobID: Set<JobID>] = [:]
    /// Those that are cancelled: nothing can be done for them, and a store that refused that is asked again.
    private(set) var cancelled: Set<JobID> = []

    var isEmpty: Bool { waiting.isEmpty }
    func isHeld(_ id: JobID) -> Bool { waiting[id] != nil }
    /// Whether somebody waits for the job, or for others beside it.
    func isAwaited(_ id: JobID) -> Bool { followers[id] != nil }

    /// A job is about to be asked for. `ended`: of its prerequisites those that are over, and how they ended.
    mutating func announce(_ id: JobID, _ after: Prerequisites, ended: [JobID: JobState]) {
        var entry = Waiting(after: after, open: Set(after.all.filter { ended[$0] == nil }))
        for job in after.done { if let state = ended[job], state != .done { note(job, state, in: &entry) } }
        for job in after.all { followers[job, default: []].insert(id) }
        waiting[id] = entry
    }

    /// It is none after all, or waits no longer.
    mutating func forget(_ id: JobID) {
        guard let entry = waiting.removeValue(forKey: id) else { return }
        cancelled.remove(id)
        for job in entry.after.all {
            followers[job]?.remove(id)
            if followers[job]?.isEmpty == true { followers[job] = nil }
        }
    }

    /// The scheduler has it now, and holds it.
    mutating func added(_ id: JobID) -> Verdict? {
        waiting[id]?.isAdded = true
        return settled(id)
    }

    /// What is to be done now that a job has ended, in the order of the numbers.
    mutating func ended(_ id: JobID, _ state: JobState) -> [(job: JobID, verdict: Verdict)] {
        forget(id)
        return (followers[id] ?? []).sorted().compactMap { follower in
            waiting[follower]!.open.remove(id)
            if state != .done, waiting[follower]!.after.done.contains(id) {
                note(id, state, in: &waiting[follower]!)
            }
            return settled(follower).map { (follower, $0) }
        }
    }

    private func note(_ job: JobID, _ state: JobState, in entry: inout Waiting) {
        if entry.failure != nil { return }
        let how = state == .cancelled ? "was cancelled" : "failed"
        entry.failure = "job \(job) \(how), and this one was to run after its success"
    }

    private mutating func settled(_ id: JobID) -> Verdict? {
        guard let entry = waiting[id], entry.isAdded, !cancelled.contains(id), let verdict = entry.verdict else {
            return nil
        }
        if verdict == .run { forget(id) } else { cancelled.insert(id) }
        return verdict
    }

    // MARK: Looking

    private static let namedMax = 5

    /// Why the job waits, in words; nil for one that does not.
    func words(of id: JobID) -> String? {
        guard let entry = waiting[id] else { return nil }
        if let failure = entry.failure { return failure }
        let open = [(entry.after.done, "succeeded"), (entry.after.ended, "ended")].compactMap { jobs, what in
            Self.words(jobs.filter { entry.open.contains($0) }, what)
        }
        return open.isEmpty ? nil : open.joined(separator: "; ")
    }

    private static func words(_ jobs: [JobID], _ what: String) -> String? {
        guard let first = jobs.first else { return nil }
        if jobs.count == 1 { return "job \(first) has not \(what) yet" }
        var named = jobs.prefix(namedMax).map(\.description)
        if jobs.count > namedMax { named.append("\(jobs.count - namedMax) more") }
        return "jobs \(named.dropLast().joined(separator: ", ")) and \(named.last!) have not \(what) yet"
    }
}
