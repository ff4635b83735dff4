internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterWire

/// `muster workers`.
enum WorkersCommand {
    static let contributions = Flag.bool(
        "contributions", "List machines instead, those that are gone too: what each did, and how far it is believed.")

    static let command = Command(
        name: "workers", summary: "list the fleet's workers",
        description: [
            "Prints a line for each worker: its rank, name, state, what it has, and when it joined; in the order of ranks."
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
        var rows: [[String]] = []
        for member in try ListAnswer<MemberStatus>(body: answer).items {
            rows.append([
                member.rank.map(String.init) ?? "", member.name, member.state, String(member.slots),
                member.resources.map { Format.bytes($0.memory) } ?? "", member.resources.map(also) ?? "",
                member.address, member.version, WallClock.text(member.joined),
            ])
        }
        // A column for what few have is there where one has it.
        let isPlain = rows.allSatisfy { $0[5].isEmpty }
        var columns: [TextTable.Column] = [
            .init("RANK", .right), .init("NAME"), .init("STATE"), .init("SLOTS", .right), .init("MEMORY", .right),
            .init("ALSO"), .init("ADDRESS"), .init("VERSION"), .init("JOINED"),
        ]
        if isPlain { columns.remove(at: 5) }
        var table = TextTable(columns)
        for var row in rows {
            if isPlain { row.remove(at: 5) }
            table.add(row)
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }

    /// What a worker has that few have.
    private static func also(_ has: Amounts) -> String {
        let counts = has.counts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return ((has.gpus > 0 ? ["gpus=\(has.gpus)"] : []) + counts).joined(separator: ",")
    }

    @MainActor private static func listMachines(_ invocation: Invocation) async throws {
        let answer = try await CoordinatorClient(invocation).call("GET", "/v1/machines")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        var table = TextTable([
            .init("MACHINE"), .init("NAME"), .init("STATE"), .init("TASKS", .right), .init("SECONDS", .right),
            .init("ACCEPTED", .right), .init("REJECTED", .right), .init("RELIABILITY", .right), .init("TOKEN", .right),
            .init("FIRST SEEN"), .init("LAST SEEN"), .init("VERSION"),
        ])
        for machine in try ListAnswer<MachineStatus>(body: answer).items {
            table.add([
                machine.machine, machine.name, machine.state, String(machine.tasks),
                "\((machine.seconds * 10).rounded() / 10)", String(machine.accepted), String(machine.rejected),
                "\((machine.reliability * 1_000).rounded() / 1_000)", machine.token.map { String($0) } ?? "",
                WallClock.text(machine.firstSeen), WallClock.text(machine.lastSeen), machine.version,
            ])
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }
}
