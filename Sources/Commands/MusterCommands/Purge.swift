internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterElection
internal import MusterJSON
internal import MusterWire

/// `muster purge`.
enum PurgeCommand {
    static let image = Flag<Int?>.int("image", "ID", in: 0...Int.max, "The image of this id, whatever its query.")
    static let prefix = Flag<String?>.text(
        "prefix", "PATH", as: .text(bytesMax: 2_048, suggestions: []),
        "Every path that begins so, such as /tiles/; a slash first.")
    static let all = Flag<Bool>.bool("all", "Everything.")

    static let command = Command(
        name: "purge", summary: "have all edges forget what they keep",
        description: [
            "Each edge forgets what is named, on its disk as well, and fetches it anew when it is asked for. Lists the edges that "
                + "confirmed it and those that did not, and why: one that others of its circle find away forgets before it serves "
                + "from its cache again, one that nobody could ask has to be asked again."
        ],
        flags: [image.spec, prefix.spec, all.spec] + CommonFlags.client,
        rules: [.exclusive(["image", "prefix", "all"])],
        exits: [
            Command.Exit(.usage), Command.Exit(.temporary, "Some edges did not confirm it."),
        ] + CommonFlags.clientExits.filter { $0.code != .temporary },
        examples: [
            Command.Example("muster purge --image 7", "The image 7."),
            Command.Example("muster purge --prefix /tiles/", "All tiles."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let pattern: PurgePattern
        if let id = invocation[image] {
            pattern = .image(Int64(id))
        } else if let text = invocation[prefix] {
            guard text.hasPrefix("/") else {
                throw CommandError.usage("--prefix begins with a slash, not as \(CommandError.quoted(text))")
            }
            pattern = .prefix(text)
        } else if invocation[all] {
            pattern = .all
        } else {
            throw CommandError.usage("purge takes one of --image, --prefix and --all")
        }
        var json = JSONWriter()
        json.beginObject()
        pattern.write(to: &json)
        json.endObject()
        let client = try CoordinatorClient(invocation)
        let answer = try await client.call("POST", "/v1/edges/purge", json.bytes)
        let reply = try FleetPurgeReply(body: answer)
        if invocation[CommonFlags.json] {
            try invocation.out.write(answer + [0x0A])
        } else {
            try show(reply, invocation)
        }
        let missing = reply.edges.count { !$0.isConfirmed }
        guard missing == 0 else {
            try invocation.out.flush()
            throw CommandError(
                .temporary,
                "\(missing) of \(reply.edges.count) \(reply.edges.count == 1 ? "edge" : "edges") did not confirm")
        }
    }

    @MainActor private static func show(_ reply: FleetPurgeReply, _ invocation: Invocation) throws {
        try invocation.out.line(
            "\(Format.count(reply.purged)) \(reply.purged == 1 ? "answer is" : "answers are") forgotten")
        var table = TextTable([.init("EDGE"), .init("CONFIRMED"), .init("WHY NOT")])
        for edge in reply.edges {
            table.add([edge.name, edge.isConfirmed ? "yes" : "no", edge.problem ?? ""])
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }
}
