internal import Glibc
package import MusterAPI
package import MusterClient
package import MusterCommandLine
internal import MusterCore
internal import MusterFileTransfer
internal import MusterJSON
internal import MusterWire
internal import RunRules

/// A job of commands that this process waits for: what its tasks bring, where that goes, and how it ends.
@MainActor package final class RunSession {
    /// What is kept beside the output.
    package struct Books {
        /// Writes a task's line, with its number.
        package var log: (@MainActor (TaskEnd, Int) throws -> Void)?
        package var results: ResultsFolder?
        /// Brings what tasks returned.
        var files: ReturnedFiles?

        package init() {}
    }

    private let client: CoordinatorClient
    private let job: JobStatus
    private let names: TaskNames
    private var books: Books
    private let output: RunOutput
    private let bar: ProgressBar?
    private let invocation: Invocation
    private let interrupts: Interrupts
    private let keepsProgress: Bool
    private var report = RunReport()
    /// Tasks whose files have yet to come.
    private var arriving: [TaskEnd] = []
    private var broughtLast: ContinuousClock.Instant?
    /// Between two times that files are brought.
    private static let filesPause: Duration = .milliseconds(100)
    /// Why nothing moves, as it was told last.
    private var waiting: String?
    private var endedBefore = 0

    package init(
        _ job: JobStatus, _ client: CoordinatorClient, names: TaskNames, books: Books, output: RunOutput.Options,
        bar: ProgressBar?, interrupts: Interrupts, _ invocation: Invocation
    ) {
        (self.job, self.client, self.names, self.books) = (job, client, names, books)
        (self.bar, self.interrupts, self.invocation) = (bar, interrupts, invocation)
        keepsProgress = output.keepsProgress
        self.output = RunOutput(
            output, names: names, out: invocation.out, bar: bar, folder: invocation.environment["TMPDIR"] ?? "/tmp")
    }

    /// Waits for the job's end. Throws a `CommandError` that says how it ended, if not well.
    package func run() async throws {
        let watch = Task { await self.watch() }
        defer { watch.cancel() }
        let follower = ResultFollower(client, job: job.id, count: job.count)
        let end: JobStatus
        do {
            end = try await output.follow(job.id, client) {
                try await follower.run {
                    try self.take($0)
                } pause: {
                    try await self.bringFiles()
                    try self.output.flush()
                }
            }
            try output.finish()
        } catch is BrokenPipe {
            await leaveBrokenPipe()
        } catch let trouble as FileTrouble {
            bar?.remove()
            try? output.finish()
            throw SentFiles.error(trouble, "; job \(job.id) goes on: 'muster attach \(job.id)' comes back to it")
        } catch let error as CommandError {
            bar?.remove()
            // What came is printed, whatever became of the rest.
            try? output.finish()
            if error.exitCode == .noInput { throw error }
            throw CommandError(
                error.exitCode,
                CommandError.clause(error.message)
                    + "; job \(job.id) goes on: 'muster attach \(job.id)' comes back to it")
        }
        watch.cancel()
        endBar()
        if let number = interrupts.number { leave(end, by: number) }
        try conclude(end)
    }

    private func take(_ end: TaskEnd) throws {
        if end.files.isEmpty || books.files == nil { try settle(end) } else { arriving.append(end) }
    }

    /// What tasks that ended meanwhile returned, many files at once; then those tasks count.
    private func bringFiles() async throws {
        guard let files = books.files, !arriving.isEmpty else { return }
        // What ends meanwhile comes with the next.
        if let last = broughtLast { try await Task.sleep(until: last + Self.filesPause, clock: .continuous) }
        defer { broughtLast = .now }
        let ends = try await files.bring(arriving)
        arriving = []
        for end in ends { try settle(end) }
    }

    private func settle(_ end: TaskEnd) throws {
        report.add(end, name: names.name(of: end.task))
        // The log last: what it has is not run again.
        try books.results?.write(end, number: names.number(of: end.task))
        try output.take(end)
        try books.log?(end, names.number(of: end.task))
        bar?.update(done: report.ended, failed: report.failed)
    }

    private func say(_ text: String) {
        bar?.makeRoom()
        invocation.terminal.write(Terminal.clean(text) + "\n")
    }

    /// Says why nothing moves, where that is known.
    private func watch() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            guard !Task.isCancelled else { return }
            let isMoving = report.ended > endedBefore
            endedBefore = report.ended
            guard !isMoving, let answer = try? await client.call("GET", "/v1/jobs/\(job.id)"),
                let status = try? JobStatus(JSONValue(parsing: answer)), !Task.isCancelled
            else { continue }
            bar?.update(done: report.ended, failed: report.failed, waiting: status.waiting)
            defer { waiting = status.waiting }
            if bar == nil, let reason = status.waiting, reason != waiting {
                invocation.note("job \(job.id) waits: \(reason)")
            }
        }
    }

    private func endBar() { if keepsProgress { bar?.finish() } else { bar?.remove() } }

    // MARK: Ends

    /// Whoever read the output does not want more of it.
    private func leaveBrokenPipe() async -> Never {
        bar?.remove()
        guard interrupts.cancels else { Interrupts.end(by: SIGPIPE) }
        let trouble = await Interrupts.cancel(job.id, client)
        let what = trouble.map { "is not cancelled: \($0)" } ?? "is cancelled"
        invocation.note("nobody reads the output any more; job \(job.id) \(what)")
        Interrupts.end(by: SIGPIPE)
    }

    private func leave(_ end: JobStatus, by number: Int32) -> Never {
        let what = end.state == .cancelled ? "is cancelled" : "had ended before"
        let counts = "\(Format.count(report.ended)) of \(Format.count(job.count)) tasks had ended"
        say("job \(job.id) \(what): \(counts)")
        Interrupts.end(by: number)
    }

    private func conclude(_ end: JobStatus) throws(CommandError) {
        guard end.state != .done || report.failed > 0 else { return }
        for line in report.lines { say(line) }
        var counts = report.counts(of: job.count)
        guard end.state == .cancelled else {
            // Of one that the coordinator knows as done, something that it returned did not come.
            throw CommandError(end.state == .done ? .cannotCreate : .failure, "job \(job.id): \(counts)")
        }
        let (left, total) = (Format.count(job.count - report.ended), Format.count(job.count))
        counts += (counts.isEmpty ? "" : ", ") + "\(left) of \(total) tasks were not run to their end"
        let isHalted = end.reason.hasPrefix(HaltRule.reasonBegins)
        throw CommandError(
            .failure,
            isHalted
                ? "job \(job.id) was \(end.reason): \(counts)"
                : "job \(job.id) was cancelled: \(counts)" + (end.reason.isEmpty ? "" : "; \(end.reason)"))
    }
}
