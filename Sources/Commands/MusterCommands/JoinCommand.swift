internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterJSON
internal import MusterRole
internal import MusterRoleCommands
internal import MusterWire

/// `muster join-command`.
enum JoinCommand {
    static let url = Flag<String?>.text(
        "url", "URL", as: .url, "Where the other machine reaches the coordinator."
    ).defaulting(to: "--coordinator, unless that is this machine's loopback; else what the coordinator says of itself")
    static let installed = Flag.bool(
        "installed", "The other machine has muster already: fetch nothing.")

    static let command = Command(
        name: "join-command", summary: "print the line by which another machine becomes a worker",
        description: [
            "Paste it into a shell there, or hand it over: muster join-command | ssh HOST sh. It fetches the coordinator's own program, "
                + "checks it against the checksum in the line, so that nobody on the way can change it, and runs it as a worker, in "
                + "$HOME/muster-worker. Flags of 'muster worker' may be appended, such as --slots 2.",
            "The line holds the fleet's join token: who has it may become a member. There it goes into a file that only its owner reads, "
                + "and is in no list of processes. With --tls-ca the line brings those certificates along.",
        ],
        flags: [url.spec, installed.spec] + CommonFlags.client,
        exits: [Command.Exit(.noInput, "The file of --tls-ca cannot be read.")] + CommonFlags.clientExits,
        examples: [
            Command.Example("muster join-command", "The line, for a machine without muster."),
            Command.Example("muster join-command | ssh box sh", "A worker at box, as long as this goes on."),
            Command.Example(
                "muster join-command --url http://hub.example:8080 --json", "The same in parts, for scripts."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        let authority = try invocation[CommonFlags.tlsCA].map { try CoordinatorCommand.text(of: $0) }
        let answer = try await client.call("POST", "/v1/join-command")
        let offer: JoinOffer
        do {
            offer = try JoinOffer(body: answer)
        } catch {
            throw CommandError(.internalError, "the coordinator's offer makes no sense: \(error.detail)")
        }
        let own = CoordinatorClient.isLoopback(client.url) ? offer.url : client.url
        let line = JoinLine(
            url: (invocation[url] ?? own).withoutTrailingSlashes, token: offer.token,
            program: invocation[installed] ? nil : offer.program, authority: authority)
        if invocation[CommonFlags.json] { return try invocation.out.write(json(line, offer) + [0x0A]) }
        for note in notes(line, offer, isInstalled: invocation[installed]) { invocation.note(note) }
        try invocation.out.line(line.text)
    }

    /// What somebody should know who is about to use the line.
    static func notes(_ line: JoinLine, _ offer: JoinOffer, isInstalled: Bool) -> [String] {
        var notes: [String] = []
        if let trouble = offer.trouble, !isInstalled {
            notes.append(
                "the coordinator has no program to give (\(trouble)): this is for a machine that has muster already")
        }
        if line.program != nil { notes.append("for a machine with \(offer.platform), and curl or wget") }
        if CoordinatorClient.isLoopback(line.url) {
            notes.append(onlyHere(line.url) + ", or say --url URL")
        }
        return notes
    }

    static func onlyHere(_ url: String) -> String {
        "\(url) is reached from this machine only: start the coordinator with --host 0.0.0.0"
    }

    private static func json(_ line: JoinLine, _ offer: JoinOffer) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("command", line.text)
        json.field("url", line.url)
        json.field("token", line.token)
        json.field("platform", offer.platform)
        if let program = line.program {
            json.field("program", line.url + program.path)
            json.field("sha256", program.sha256)
            json.field("bytes", program.bytes)
        }
        if let trouble = offer.trouble { json.field("trouble", trouble) }
        json.endObject()
        return json.bytes
    }
}
