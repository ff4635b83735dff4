/// `muster workers`.
package enum WorkersCommand {
    package static let command = Command(
        name: "workers", summary: "list the fleet's workers",
        description: [
            "Prints a line for each worker: its rank, name, state, and when it joined; in the order of ranks."
        ],
        flags: CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [
            Command.Example("muster workers", "Who is there."),
            Command.Example(
                "muster workers --coordinator https://hub.example:8080 --json", "The same of another fleet, as JSON."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        throw CommandError(.unavailable, "workers cannot be listed: no client is wired to this command")
    }
}
