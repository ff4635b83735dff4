internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterWire

/// `muster sign-in`.
enum SignInCommand {
    static let hasCode = QRCodeFlag.flag(
        "Print the link as a QR code, too, for a phone's camera; it has an address that other machines reach.")

    static let command = Command(
        name: "sign-in", summary: "print a link by which a browser comes in, once",
        description: [
            "Whoever opens the link first, within ten minutes, may do everything with that browser for seven days: the answer sets "
                + "a cookie. 'muster up' prints such a link at its start."
        ],
        flags: [hasCode.spec] + CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [
            Command.Example("muster sign-in", "A link to open in the browser of this machine."),
            Command.Example("muster sign-in --qr", "The same for a phone that sees this screen."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        if invocation[hasCode], invocation[CommonFlags.json] {
            throw CommandError.usage("--qr is for people, --json for programs: give one of them")
        }
        let client = try CoordinatorClient(invocation)
        let url = invocation[hasCode] ? try await QRCodeFlag.othersURL(client, invocation) : client.url
        let answer = try await client.call("POST", "/v1/sign-in-links")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        let link: String
        do {
            link = url + (try SignInLink(body: answer)).path
        } catch {
            throw CommandError(.internalError, "the coordinator's link makes no sense: \(error.detail)")
        }
        try invocation.out.line(link)
        if invocation[hasCode] { try QRCodeFlag.show(link, invocation) }
    }
}
