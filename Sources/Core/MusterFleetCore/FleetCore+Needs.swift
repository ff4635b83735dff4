package import MusterCore
internal import MusterMembership
internal import MusterScheduling

/// What keeps the fleet's workers from what a job needs, in words.
extension FleetCore {
    /// Nil: nothing does, or something beside its needs. `label`: only workers that have it can run its tasks.
    package func lack(of job: JobRecord, amongThoseWith label: String? = nil) -> String? {
        guard let needs = job.needs else { return nil }
        if let lack = scheduler.lack(of: needs, amongThoseWith: label) { return lack }
        guard let (words, kept) = scheduler.lackNow(of: job.id) else { return nil }
        guard let name = kept.flatMap({ membership[$0]?.record.name }) else { return words }
        return "\(words); \(name) is kept free for it"
    }
}
