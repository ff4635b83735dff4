internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterWire

/// `muster tokens [list|create|revoke ID]`.
enum TokensCommand {
    static let action = Positional<String?>.optional(
        "ACTION", as: .choice(["list", "create", "revoke"], reserved: []), "What to do; list, if nothing is said.")
    static let id = Positional<String?>.optional("ID", "The token's number, for revoke.")
    static let label = Flag<String?>.text(
        "label", "TEXT", as: .text(bytesMax: 128, suggestions: []), "For create: whose the token is.")

    static let hasCode = QRCodeFlag.flag(
        "For create: print the line for a machine that has muster, too, and that line as a QR code.")

    static let command = Command(
        name: "tokens", summary: "make, list and revoke volunteers' tokens",
        description: [
            "By a volunteer's token workers join that nobody has to trust: they may compute, and nothing else, and what "
                + "they say counts when others say the same. All who come by one token have one vote.",
            "create prints the token, this once. revoke removes who came by it, and has done again what of them was "
                + "not confirmed yet.",
        ],
        positionals: [action.spec, id.spec], flags: [label.spec, hasCode.spec] + CommonFlags.client,
        exits: [Command.Exit(.noInput, "There is no such token."), Command.Exit(.usage)] + CommonFlags.clientExits,
        examples: [
            Command.Example("muster tokens create --label lab", "A token for the lab's machines."),
            Command.Example("muster tokens create --qr", "One for a machine whose camera sees this screen."),
            Command.Example("muster tokens", "Which there are, and how many members are here by each."),
            Command.Example("muster tokens revoke 7", "No more work for who came by token 7."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        let asked = invocation[action] ?? "list"
        if asked != "revoke", let id = invocation[id] {
            throw CommandError.usage("tokens \(asked) takes no ID: \(CommandError.quoted(id))")
        }
        if asked != "create", invocation[label] != nil { throw CommandError.usage("--label goes with tokens create") }
        if invocation[hasCode] {
            if asked != "create" { throw CommandError.usage("--qr goes with tokens create") }
            if invocation[CommonFlags.json] {
                throw CommandError.usage("--qr is for people, --json for programs: give one of them")
            }
        }
        switch asked {
        case "create": try await create(client, invocation)
        case "revoke":
            guard let text = invocation[id], let number = Int(text), number > 0 else {
                throw CommandError.usage("tokens revoke takes the token's number, as 'muster tokens' lists it")
            }
            let answer = try await client.call("DELETE", "/v1/tokens/\(number)")
            if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
            try invocation.out.line("token \(number) is revoked")
        default: try await list(client, invocation)
        }
    }

    @MainActor private static func create(_ client: CoordinatorClient, _ invocation: Invocation) async throws {
        // Before there is a token that nobody would see.
        let url = invocation[hasCode] ? try await QRCodeFlag.othersURL(client, invocation) : client.url
        let answer = try await client.call("POST", "/v1/tokens", TokenRequest(label: invocation[label] ?? "").body)
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        let token = try TokenStatus(body: answer).token ?? ""
        try invocation.out.line(token)
        guard invocation[hasCode] else { return }
        if invocation[CommonFlags.tlsCA] != nil {
            invocation.note("the other machine needs the certificates, too, and --tls-ca FILE behind the line")
        }
        let line = "MUSTER_TOKEN=\(token) muster worker --join \(ShellWord.of(url))"
        try invocation.out.line(line)
        try QRCodeFlag.show(line, invocation)
    }

    @MainActor private static func list(_ client: CoordinatorClient, _ invocation: Invocation) async throws {
        let answer = try await client.call("GET", "/v1/tokens")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        var table = TextTable([
            .init("ID", .right), .init("LABEL"), .init("MEMBERS", .right), .init("CREATED"), .init("REVOKED"),
        ])
        for token in try ListAnswer<TokenStatus>(body: answer).items {
            table.add([
                String(token.id), token.label, String(token.members), WallClock.text(token.created),
                token.revoked.map(WallClock.text) ?? "",
            ])
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }
}
