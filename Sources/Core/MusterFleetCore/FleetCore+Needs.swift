package import MusterCore
internal import MusterMembership
internal import MusterScheduling

/// What keeps the fleet's workers from what a job needs, in words.
extension FleetCore {
    /// Nil: nothing does, or something beside its needs.
    package func lack(of job: JobRecord) -> String? {
        guard let needs = job.needs else { return nil }
        if let lack = scheduler.lack(of: needs) { return lack }
        guard let (words, kept) = scheduler.lackNow(of: job.id) else { return nil }
        guard let name = kept.flatMap({ membership[$0]?.record.name }) else { return words }
        return "\(words); \(name) is kept free for it"
    }

    /// Why no worker that has joined could ever run a task with these needs; nil: some could.
    package func impossibility(of needs: Needs?) -> String? {
        if membership.liveWorkers.isEmpty { return "there is no worker" }
        return needs.flatMap { scheduler.lack(of: $0) }
    }
}
