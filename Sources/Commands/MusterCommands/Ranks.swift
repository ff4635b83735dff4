internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterWire

/// `muster ranks`.
enum RanksCommand {
    static let command = Command(
        name: "ranks", summary: "list the ranked members",
        description: ["Prints a line for each member: its rank, name, role and state; 0 is the highest rank."],
        flags: CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [Command.Example("muster ranks", "Who stands where.")], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let answer = try await CoordinatorClient(invocation).call("GET", "/v1/members")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        var table = TextTable([
            .init("RANK", .right), .init("NAME"), .init("ROLE"), .init("STATE"), .init("ADDRESS"), .init("JOINED"),
        ])
        for member in try ListAnswer<MemberStatus>(body: answer).items {
            table.add([
                member.rank.map(String.init) ?? "", member.name, member.role, member.state, member.address,
                WallClock.text(member.joined),
            ])
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }
}
