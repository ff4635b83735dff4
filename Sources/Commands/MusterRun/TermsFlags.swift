package import MusterAPI
package import MusterCommandLine
package import MusterCore
internal import MusterScheduling

/// On which terms a job is handed in, whatever its tasks are.
package struct JobTerms: Hashable, Sendable {
    package var after = Prerequisites()
    package var owner = ""
    package var reruns = true

    package init() {}

    package func apply(to request: inout JobRequest) {
        (request.after, request.owner, request.reruns) = (after, owner, reruns)
    }
}

/// Flags of whatever hands the fleet a job, about its terms.
package enum TermsFlags {
    private static let done = Flag.texts(
        "after", "JOB", bytesMax: 20,
        "Begin when this job is done. Where it fails or is cancelled, this one is cancelled, and says so."
    ).environment("MUSTER_JOB_AFTER")
    private static let ended = Flag.texts(
        "after-any", "JOB", bytesMax: 20, "Begin when this job has ended, however it did."
    ).environment("MUSTER_JOB_AFTER_ANY")
    package static let owner = Flag<String?>.text(
        "owner", "LABEL", as: .text(bytesMax: Limits.ownerBytesMax, suggestions: []),
        "Whose the job is, for people: 'muster jobs --owner LABEL' lists them."
    ).environment("MUSTER_JOB_OWNER")
    private static let noRerun = Flag.bool(
        "no-rerun",
        "A task that is lost with its worker has failed. Else it is run again, as nobody knows how far it came."
    )

    package static let all = [done.spec, ended.spec, owner.spec, noRerun.spec]

    /// Throws a `CommandError` for what is no number of a job, and for too many of them.
    @MainActor package static func terms(_ invocation: Invocation) throws(CommandError) -> JobTerms {
        var terms = JobTerms()
        terms.after =
            Prerequisites(
                done: try jobs(invocation[done], "after"), ended: try jobs(invocation[ended], "after-any")
            ).withoutRepeats
        guard terms.after.all.count <= Limits.prerequisitesMax else {
            throw .usage(
                "--after: a job waits for at most \(Limits.prerequisitesMax) others, not for \(terms.after.all.count)")
        }
        terms.owner = invocation[owner] ?? ""
        terms.reruns = !invocation[noRerun]
        return terms
    }

    private static func jobs(_ given: [String], _ flag: String) throws(CommandError) -> [JobID] {
        var jobs: [JobID] = []
        for text in given {
            guard let number = Int64(text), number > 0 else {
                throw .usage("--\(flag): \(CommandError.quoted(text)) is no number of a job, from 1 on")
            }
            jobs.append(JobID(number))
        }
        return jobs
    }
}
