/// `muster cancel ID`.
package enum CancelCommand {
    package static let id = CommonFlags.jobID

    package static let command = Command(
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
        throw CommandError(.unavailable, "the job cannot be cancelled: no client is wired to this command")
    }
}
