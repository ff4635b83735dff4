internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterJSON
internal import MusterWire

/// `muster cancel ID`.
enum CancelCommand {
    static let id = CommonFlags.jobID

    static let command = Command(
        name: "cancel", summary: "cancel a job",
        description: [
            "No task of the job is started any more, and results that still come are not recorded. Those that "
                + "were recorded stay. To cancel a job that is cancelled already changes nothing."
        ],
        positionals: [id.spec], flags: CommonFlags.client,
        exits: [
            Command.Exit(.data, "The job had ended before."), Command.Exit(.noInput, "There is no such job."),
        ] + CommonFlags.clientExits.filter { $0.code != .data },
        examples: [Command.Example("muster cancel 17", "Stop job 17.")], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let answer = try await CoordinatorClient(invocation).call("DELETE", "/v1/jobs/\(invocation[id])")
        let job = try JobStatus(JSONValue(parsing: answer))
        if invocation[CommonFlags.json] { try invocation.out.write(answer + [0x0A]) }
        guard job.state == .cancelled else {
            throw CommandError(.data, "job \(job.id) had ended before: it is \(job.state.rawValue)")
        }
        if !invocation[CommonFlags.json] { try invocation.out.line("job \(job.id) is cancelled") }
    }
}
