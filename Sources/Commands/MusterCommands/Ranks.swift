internal import MusterAPI
internal import MusterClient
package import MusterCommandLine

/// `muster ranks`.
package enum RanksCommand {
    package static let command = Command(
        name: "ranks", summary: "list the ranked members",
        description: ["Prints a line for each member: its rank, name, role and state; 0 is the highest rank."],
        flags: CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [Command.Example("muster ranks", "Who stands where.")], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let answer = try await CoordinatorClient(invocation).call("GET", "/v1/members")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        var fields = try JSONFields(body: answer)
        var table = TextTable([
            .init("RANK", .right), .init("NAME"), .init("ROLE"), .init("STATE"), .init("ADDRESS"), .init("JOINED"),
        ])
        for value in try fields.array("members") ?? [] {
            var member = try JSONFields(value, path: "members.")
            table.add([
                try member.int("rank", in: 0...Int.max).map(String.init) ?? "", try member.string("name") ?? "",
                try member.string("role") ?? "", try member.string("state") ?? "",
                try member.string("address") ?? "", WallClock.text(try member.double("joined", in: 0...1e12) ?? 0),
            ])
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }
}
