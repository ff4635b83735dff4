internal import MusterAPI
internal import MusterCore

/// `muster children`.
package enum ChildrenCommand {
    package static let limit = Flag<Int>.int("limit", "N", in: 1...1_000, default: 20, "At most so many.")

    package static let command = Command(
        name: "children", summary: "list the newest children",
        description: [
            "Prints a line for each child: its name, state, numbers recorded and rejected, and why it died last."
        ],
        flags: [limit.spec] + CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [Command.Example("muster children --limit 100", "The newest hundred.")], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let answer = try await CoordinatorClient(invocation).call("GET", "/v1/children?limit=\(invocation[limit])")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        var table = TextTable([
            .init("NAME"), .init("STATE"), .init("NUMBERS", .right), .init("RECEIVED", .right),
            .init("REJECTED", .right),
            .init("ATTEMPTS", .right), .init("CREATED"), .init("REASON"),
        ])
        for child in try ChildStatus.list(of: answer) {
            table.add([
                child.name, child.state?.rawValue ?? "", "\(child.numbers)", "\(child.received)", "\(child.rejected)",
                "\(child.attempts)", WallClock.text(child.created), child.reason,
            ])
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }
}
