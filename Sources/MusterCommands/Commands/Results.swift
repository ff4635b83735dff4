/// `muster results ID`.
package enum ResultsCommand {
    package static let id = CommonFlags.jobID
    package static let wait = Flag.bool(
        "wait", short: "w", "Go on printing, in task order, as results arrive, until the job has ended.")

    package static let command = Command(
        name: "results", summary: "print a job's results",
        description: [
            "Prints a line for each finished task, in task order: the task's number and its value, or why it "
                + "failed. With --json a line "
                + "is a JSON object that also has the worker, the attempt and the seconds of computing.",
            "Without --wait it prints what there is and ends.",
        ],
        positionals: [id.spec], flags: [wait.spec] + CommonFlags.client,
        exits: [Command.Exit(.failure, "With --wait: the job failed or was cancelled.")] + CommonFlags.clientExits
            + [Command.Exit(.noInput, "There is no such job.")],
        examples: [
            Command.Example("muster results 17 --json > results.ndjson", "All results of job 17 so far, into a file."),
            Command.Example("muster results 17 --wait | head", "The first ten, as soon as they are there."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        throw CommandError(.unavailable, "results cannot be fetched: no client is wired to this command")
    }
}
