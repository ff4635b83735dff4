internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterJSON
internal import MusterWire

/// `muster retry ID`.
enum RetryCommand {
    static let id = CommonFlags.jobID

    static let command = Command(
        name: "retry", summary: "run again what of a job failed",
        description: [
            "The job goes on under its number: tasks that failed are tried again, with all their attempts, and so is "
                + "what a cancel left undone. Results that are there stay, and are not computed again."
        ],
        positionals: [id.spec], flags: CommonFlags.client,
        exits: [
            Command.Exit(.data, "The job is not over, or nothing of it failed."),
            Command.Exit(.noInput, "There is no such job."),
        ] + CommonFlags.clientExits.filter { $0.code != .data },
        examples: [Command.Example("muster retry 17", "Try again what of job 17 failed.")], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let answer = try await CoordinatorClient(invocation).call("POST", "/v1/jobs/\(invocation[id])/retry")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        let job = try JobStatus(JSONValue(parsing: answer))
        let open = job.count - job.done
        try invocation.out.line("job \(job.id) goes on with \(Format.count(open)) of \(Format.count(job.count)) tasks")
    }
}
