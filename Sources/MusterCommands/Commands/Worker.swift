/// `muster worker`.
package enum WorkerCommand {
    package static let join = Flag<String>.required("join", "URL", as: .url, "The coordinator to join.")
    package static let slots = Flag<Int?>.int(
        "slots", "N", in: 1...1024, "How many tasks it computes at one time."
    ).defaulting(to: "as many as the machine has processors")
    package static let name = Flag<String?>.text(
        "name", "NAME", as: .text(bytesMax: 128, suggestions: []), "The name that its results carry."
    ).defaulting(to: "the machine's name and the process's number")
    package static let labels = Flag.pairs(
        "labels", "K=V,...", commaSeparated: true, "What the coordinator is told about this worker.")

    package static let command = Command(
        name: "worker", summary: "join a coordinator and compute tasks",
        description: [
            "Runs until SIGINT or SIGTERM, then finishes or hands back what it holds, and ends. It only ever "
                + "connects out, so it may sit behind a firewall.",
            "While the coordinator is away it tries again, less and less often, and keeps finished results in "
                + "its data directory until they are acknowledged.",
        ],
        flags: [
            join.spec, slots.spec, name.spec, labels.spec, CommonFlags.data.spec, CommonFlags.token.spec,
            CommonFlags.tlsCA.spec,
        ]
            + CommonFlags.always,
        exits: [
            Command.Exit(.success, "It was asked to end, and did."),
            Command.Exit(.noInput, "The file of --tls-ca cannot be read."),
            Command.Exit(.internalError), Command.Exit(.osError),
            Command.Exit(.cannotCreate, "The data directory cannot be made."), Command.Exit(.inputOutput),
            Command.Exit(.noPermission), Command.Exit(.configuration),
        ],
        examples: [
            Command.Example(
                "muster worker --join http://127.0.0.1:8080", "A worker on every processor of this machine."),
            Command.Example(
                "muster worker --join https://hub.example:8080 --slots 2 --labels room=12,os=debian",
                "Two tasks at a time, with labels; the token is in MUSTER_TOKEN."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        throw CommandError(.unavailable, "the worker is not wired to its command")
    }
}
