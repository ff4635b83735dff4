internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterWire

/// `muster sign-in`.
enum SignInCommand {
    static let command = Command(
        name: "sign-in", summary: "print a link by which a browser comes in, once",
        description: [
            "Whoever opens the link first, within ten minutes, may do everything with that browser for seven days: the answer sets "
                + "a cookie. 'muster up' prints such a link at its start."
        ],
        flags: CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [Command.Example("muster sign-in", "A link to open in the browser of this machine.")], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        let answer = try await client.call("POST", "/v1/sign-in-links")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        do {
            try invocation.out.line(client.url + SignInLink(body: answer).path)
        } catch let problem as Problem {
            throw CommandError(.internalError, "the coordinator's link makes no sense: \(problem.detail)")
        }
    }
}
