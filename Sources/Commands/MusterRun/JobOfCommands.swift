internal import MusterAPI
internal import MusterClient
package import MusterCommandLine
package import MusterCore
internal import MusterJSON
internal import MusterWire

/// A job of `muster run` that somebody comes back to. Its values are not known here: tasks go by their numbers.
@MainActor package struct JobOfCommands {
    private let invocation: Invocation
    private let client: CoordinatorClient
    private let id: JobID

    package init(_ invocation: Invocation, _ id: JobID) throws {
        (self.invocation, self.id) = (invocation, id)
        client = try CoordinatorClient(invocation)
    }

    private func look() async throws -> JobStatus {
        let job = try JobStatus(JSONValue(parsing: try await client.call("GET", "/v1/jobs/\(id)")))
        guard job.kernel == RunRequest.kernel else {
            throw CommandError(
                .data, "job \(id) is none of 'muster run' but of \(job.kernel): 'muster results \(id) --wait' prints it"
            )
        }
        return job
    }

    /// As the run that was left would have gone on, from its first task on.
    /// What tasks returned comes into the current folder.
    package func attach(_ output: RunOutput.Options, files: RunFileFlags) async throws {
        let job = try await look()
        let interrupts = Interrupts(client, cancels: false)
        interrupts.began(id)
        var books = RunSession.Books()
        books.files = ReturnedFiles(overwrites: files.overwrites, names: nil) { [invocation, client] in
            try await RunOrigin.find(files.origin, client, invocation)
        }
        let bar = CommandRun.bar(job, invocation, isWanted: output.keepsProgress)
        try await RunSession(
            job, client, names: TaskNames(nil), books: books, output: output, bar: bar,
            interrupts: interrupts, invocation
        ).run()
    }

    /// What those tasks printed that have ended by now; `task`: only this one, from 1 on. `follows`: and of those that end later.
    package func print(task: Int?, follows: Bool = false, _ options: RunOutput.Options) async throws {
        let job = try await look()
        if let task, task > job.count {
            throw CommandError(.noInput, "job \(id) has no task \(task): it has \(Format.count(job.count))")
        }
        var options = options
        options.isUnordered = true
        options.hasWholeLines = follows
        let output = RunOutput(options, names: TaskNames(nil), out: invocation.out, bar: nil, folder: "/tmp")
        var isThere = false
        let follower = ResultFollower(client, job: id, count: job.count, only: task.map { $0 - 1 })
        let take: @MainActor (TaskEnd) throws -> Void = { end in
            isThere = true
            try output.take(end)
        }
        try await output.follow(id, client, only: task.map { $0 - 1 }) {
            _ = try await follower.run(waits: follows, take) { if follows { try output.flush() } }
        }
        try output.finish()
        if let task, !isThere { throw CommandError(.noInput, "task \(task) of job \(id) has not ended yet") }
    }
}
