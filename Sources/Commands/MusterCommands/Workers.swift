internal import MusterAPI
internal import MusterClient
package import MusterCommandLine
internal import MusterJSON

/// `muster workers`.
package enum WorkersCommand {
    package static let contributions = Flag.bool(
        "contributions", "List machines instead, those that are gone too: what each did, and how far it is believed.")

    package static let command = Command(
        name: "workers", summary: "list the fleet's workers",
        description: [
            "Prints a line for each worker: its rank, name, state, and when it joined; in the order of ranks."
        ],
        flags: [contributions.spec] + CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [
            Command.Example("muster workers", "Who is there."),
            Command.Example("muster workers --contributions", "Which machine did how much."),
            Command.Example(
                "muster workers --coordinator https://hub.example:8080 --json", "The same of another fleet, as JSON."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        if invocation[contributions] { return try await listMachines(invocation) }
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

    @MainActor private static func listMachines(_ invocation: Invocation) async throws {
        let answer = try await CoordinatorClient(invocation).call("GET", "/v1/machines")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        var fields = try JSONFields(body: answer)
        var table = TextTable([
            .init("MACHINE"), .init("NAME"), .init("STATE"), .init("TASKS", .right), .init("SECONDS", .right),
            .init("ACCEPTED", .right), .init("REJECTED", .right), .init("RELIABILITY", .right), .init("TOKEN", .right),
            .init("FIRST SEEN"), .init("LAST SEEN"), .init("VERSION"),
        ])
        for value in try fields.array("machines") ?? [] {
            var machine = try JSONFields(value, path: "machines.")
            func whole(_ name: String) throws -> String {
                try machine.int(name, in: 0...Int.max).map(String.init) ?? ""
            }
            func moment(_ name: String) throws -> String {
                WallClock.text(try machine.double(name, in: 0...1e12) ?? 0)
            }
            let seconds = try machine.double("seconds", in: 0...1e15) ?? 0
            let reliability = try machine.double("reliability", in: 0...1) ?? 0
            table.add([
                try machine.string("machine") ?? "", try machine.string("name") ?? "",
                try machine.string("state") ?? "", try whole("tasks"), "\((seconds * 10).rounded() / 10)",
                try whole("accepted"), try whole("rejected"), "\((reliability * 1_000).rounded() / 1_000)",
                machine.value("token").flatMap(\.int).map(String.init) ?? "", try moment("firstSeen"),
                try moment("lastSeen"), try machine.string("version") ?? "",
            ])
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }
}
