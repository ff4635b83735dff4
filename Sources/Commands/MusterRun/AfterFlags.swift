package import MusterCommandLine
package import MusterCore

/// Flags of whatever hands the fleet a job, about the jobs that it is to wait for.
package enum AfterFlags {
    private static let done = Flag.texts(
        "after", "JOB", bytesMax: 20,
        "Begin when this job is done. Where it fails or is cancelled, this one is cancelled, and says so."
    ).environment("MUSTER_JOB_AFTER")
    private static let ended = Flag.texts(
        "after-any", "JOB", bytesMax: 20, "Begin when this job has ended, however it did."
    ).environment("MUSTER_JOB_AFTER_ANY")

    package static let all = [done.spec, ended.spec]

    /// Throws a `CommandError` for what is no number of a job, and for too many of them.
    @MainActor package static func after(_ invocation: Invocation) throws(CommandError) -> Prerequisites {
        let after = Prerequisites(
            done: try jobs(invocation[done], "after"), ended: try jobs(invocation[ended], "after-any")
        ).withoutRepeats
        guard after.all.count <= Limits.prerequisitesMax else {
            throw .usage(
                "--after: a job waits for at most \(Limits.prerequisitesMax) others, not for \(after.all.count)")
        }
        return after
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
