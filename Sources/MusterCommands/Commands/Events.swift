/// `muster events`.
package enum EventsCommand {
    package static let command = Command(
        name: "events", summary: "print what happens, as it happens",
        description: [
            "Prints a line for each event of the fleet: members that join and leave, jobs that begin, advance "
                + "and end. With --json a line "
                + "is a JSON object. Runs until it is interrupted; after a broken connection it goes on by itself."
        ],
        flags: CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [
            Command.Example("muster events", "Watch the fleet."),
            Command.Example("muster events --json | grep '\"job\"'", "Only what concerns jobs."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        throw CommandError(.unavailable, "events cannot be followed: no client is wired to this command")
    }
}
