internal import MusterAPI
internal import MusterCore

/// `muster job ID`.
package enum JobCommand {
    package static let id = CommonFlags.jobID

    package static let command = Command(
        name: "job", summary: "show one job",
        description: [
            "Prints the job's state, how many of its tasks are done and failed, and how many each worker did."
        ],
        positionals: [id.spec], flags: CommonFlags.client,
        exits: CommonFlags.clientExits + [Command.Exit(.noInput, "There is no such job.")],
        examples: [
            Command.Example("muster job 17", "How job 17 stands."),
            Command.Example("muster job 17 --json", "The same, as the coordinator sends it."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let answer = try await CoordinatorClient(invocation).call("GET", "/v1/jobs/\(invocation[id])")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        try show(JobStatus(JSONValue(parsing: answer)), invocation.out)
    }

    @MainActor static func show(_ job: JobStatus, _ out: StandardOutput) throws {
        try out.line("job       \(job.id)")
        try out.line("kernel    \(Terminal.clean(job.kernel))")
        try out.line("state     \(job.state.rawValue)")
        if let waiting = job.waiting { try out.line("waiting   \(Terminal.clean(waiting))") }
        try out.line("tasks     \(Format.count(job.count))")
        try out.line("done      \(Format.count(job.done)) (\(Format.percent(job.done, of: job.count)))")
        try out.line("failed    \(Format.count(job.failed))")
        try out.line("time      \(Format.duration(job.seconds))")
        for (name, count) in job.workers.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            try out.line("worker    \(Terminal.clean(name)): \(Format.count(count))")
        }
    }
}
