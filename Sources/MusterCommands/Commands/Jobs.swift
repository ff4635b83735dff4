/// `muster jobs`.
package enum JobsCommand {
    package static let limit = Flag<Int>.int(
        "limit", "N", in: 1...10_000, default: 50, "At most this many jobs, the newest first.")

    package static let command = Command(
        name: "jobs", summary: "list jobs",
        description: [
            "Prints a line for each job: its number, kernel, state, how many tasks are done and failed, and its age."
        ],
        flags: [limit.spec] + CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [
            Command.Example("muster jobs", "The newest jobs."),
            Command.Example("muster jobs --limit 1000 --json", "A thousand of them, for a program to read."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        throw CommandError(.unavailable, "jobs cannot be listed: no client is wired to this command")
    }
}
