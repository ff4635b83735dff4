internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterWire

/// `muster drain NAME`.
enum DrainCommand {
    static let name = Positional.text(
        "NAME", as: .text(bytesMax: Limits.nameBytesMax, suggestions: []),
        "The worker's name, as 'muster workers' lists it, or its id.")

    static let command = Command(
        name: "drain", summary: "have a worker finish what it has and leave",
        description: [
            "The worker is given nothing more, finishes what it runs, however long that takes, delivers it and ends. "
                + "'muster workers' shows it as draining until then. Whatever started it may start it again: a service "
                + "manager, a restart policy, or the coordinator for a worker that 'muster scale' asked for."
        ],
        positionals: [name.spec], flags: CommonFlags.client,
        exits: [
            Command.Exit(.data, "It is no worker."), Command.Exit(.noInput, "There is no such member."),
        ] + CommonFlags.clientExits.filter { $0.code != .data },
        examples: [
            Command.Example("muster drain lab-7", "Take the machine lab-7 out of the fleet, and lose nothing.")
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        let id = try await find(invocation[name], client)
        let answer = try await client.call("POST", "/v1/members/\(id)/drain")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        try invocation.out.line("\(Terminal.clean(try MemberStatus(body: answer).name)) is draining")
    }

    /// The id of the member of this name; a number that is nobody's name is an id.
    @MainActor private static func find(_ name: String, _ client: CoordinatorClient) async throws -> MemberID {
        let members = try ListAnswer<MemberStatus>(body: await client.call("GET", "/v1/members")).items
        if let member = members.first(where: { $0.name == name }) { return member.id }
        if let id = Int64(name), id > 0 { return MemberID(id) }
        throw CommandError(.noInput, "there is no member \(CommandError.quoted(name)); 'muster workers' lists workers")
    }
}
