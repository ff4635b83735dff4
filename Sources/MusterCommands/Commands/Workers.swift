internal import MusterAPI
internal import MusterCore

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
        let answer = try await CoordinatorClient(invocation).call("GET", "/servers")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        var fields = try JSONFields(body: answer)
        var table = TextTable([
            .init("RANK", .right), .init("NAME"), .init("STATE"), .init("SLOTS", .right), .init("ADDRESS"),
            .init("VERSION"), .init("JOINED"),
        ])
        for value in try fields.array("members") ?? [] {
            var member = try JSONFields(value, path: "members.")
            table.add([
                try member.int("rank", in: 0...Int.max).map(String.init) ?? "", try member.string("name") ?? "",
                try member.string("state") ?? "", try member.int("slots", in: 0...Int.max).map(String.init) ?? "",
                try member.string("address") ?? "", try member.string("version") ?? "",
                WallClock.text(try member.double("joined", in: 0...1e12) ?? 0),
            ])
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }
}
