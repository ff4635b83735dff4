internal import Glibc
package import MusterAPI
package import MusterCommandLine

extension Invocation {
    /// Runs what waits for something that goes on without it. Whoever ends the wait by a signal is told so by `goodbye`, below
    /// the bar, if there is one, and the process ends by that signal.
    package func waiting<Result>(
        _ bar: ProgressBar?, goodbye: String, _ body: @MainActor () async throws -> Result
    ) async throws -> Result {
        let signals = Task { @MainActor in
            for await number in stopSignals() {
                bar?.finish()
                (bar ?? progress("", total: nil)).note(goodbye)
                try? out.flush()
                signal(number, SIG_DFL)
                // To the process: this thread may be one that takes no signals.
                kill(getpid(), number)
            }
        }
        defer {
            bar?.finish()
            signals.cancel()
            for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
        }
        return try await body()
    }

    /// Follows a job to its end with a bar, which says why nothing moves where that is known. Returns how the job ended.
    package func waitForJob(_ job: JobStatus, _ client: CoordinatorClient) async throws -> JobStatus {
        let what = job.name.isEmpty ? job.kernel : job.name
        let bar = progress("job \(job.id) \(what)", total: job.count)
        return try await waiting(
            bar,
            goodbye:
                "job \(job.id) goes on; 'muster job \(job.id) --wait' comes back to it, 'muster cancel \(job.id)' ends it"
        ) {
            try await JobWatch(client: client, id: job.id).follow { status in
                bar.update(done: status.done + status.failed, failed: status.failed, waiting: status.waiting)
            }
        }
    }
}
