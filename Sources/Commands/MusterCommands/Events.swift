internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterHTTPClient
internal import MusterJSON
internal import MusterWire

/// `muster events`.
enum EventsCommand {
    static let command = Command(
        name: "events", summary: "print what happens, as it happens",
        description: [
            "Prints a line for each event of the fleet: members that join and leave, jobs that begin, advance "
                + "and end. With --json a line "
                + "is a JSON object. Runs until it is interrupted; after a broken connection it goes on by itself."
        ],
        flags: CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [
            Command.Example("muster events", "Watch the fleet."),
            Command.Example("muster events --json | grep '\"job\"'", "Only what concerns jobs."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        // Only a coordinator that was there is waited for.
        _ = try await client.call("GET", "/v1/members")
        var patience = Patience(.seconds(86_400))
        try await patience.run {
            var parser = ServerSentEventParser()
            try await client.stream("/v1/events") { piece in
                for event in try parser.feed(piece) { try print(event, invocation) }
                try invocation.out.flush()
            }
            return false
        }
    }

    @MainActor private static func print(_ event: ServerSentEvent, _ invocation: Invocation) throws {
        if invocation[CommonFlags.json] {
            var json = JSONWriter()
            json.beginObject()
            json.field("event", event.event)
            json.field("data", raw: event.data.utf8)
            json.endObject()
            try invocation.out.write(json.bytes + [0x0A])
        } else {
            try invocation.out.line("\(WallClock.now()) \(Terminal.clean(event.event)) \(Terminal.clean(event.data))")
        }
    }
}
