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
        throw CommandError(.unavailable, "the job cannot be shown: no client is wired to this command")
    }
}
