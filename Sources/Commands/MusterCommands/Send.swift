internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterWire

/// `muster send`.
enum SendCommand {
    static let text = Positional<String>.text("COMMAND", "The command's text, 1 to 4096 bytes.")
    static let from = Flag<String?>.text(
        "from", "MEMBER", as: .text(bytesMax: 128, suggestions: []),
        "Send it as this member, by name or id: to those of lower rank only."
    ).defaulting(to: "the operator, above rank 0")
    static let wait = Flag.bool("wait", "Wait until each has it or never will, and print what became of it.")

    static let command = Command(
        name: "send", summary: "send a command down the ranks",
        description: [
            "Prints the command's number and how many members will get it; it is durable by then. With --wait, a line for "
                + "each of them: its name, and delivered, gone, refused or overflow."
        ],
        positionals: [text.spec], flags: [from.spec, wait.spec] + CommonFlags.client,
        exits: [
            Command.Exit(.success, "It is stored; with --wait: everybody has it."),
            Command.Exit(.failure, "With --wait: somebody will not have it."),
        ] + CommonFlags.clientExits,
        examples: [
            Command.Example("muster send STOP_TRANSMIT", "To all ranked members."),
            Command.Example("muster send PAUSE_TRANSMIT --from ada --wait", "As ada, and see who has it."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        let request = CommandRequest(text: invocation[text], from: invocation[from])
        var answer = try await client.call("POST", "/v1/commands", request.body)
        let receipt = try CommandReceipt(body: answer)
        let isJSON = invocation[CommonFlags.json]
        if !isJSON { try invocation.out.line("command \(receipt.id) to \(receipt.recipients) members") }
        if invocation[wait] { answer = try await followed(receipt, client, invocation) }
        if isJSON { try invocation.out.write(answer + [0x0A]) }
        guard invocation[wait] else { return }
        let recipients = try WholeCommand(body: answer).recipients
        if !isJSON {
            for recipient in recipients {
                let name = recipient.name ?? "member-\(recipient.member)"
                try invocation.out.line("\(Terminal.clean(name))\t\(recipient.outcome)")
            }
        }
        let missing = recipients.count { $0.outcome != CommandOutcome.delivered.rawValue }
        guard missing == 0 else { throw CommandError(.failure, "\(missing) of \(recipients.count) do not have it") }
    }

    @MainActor private static func followed(
        _ receipt: CommandReceipt, _ client: CoordinatorClient, _ invocation: Invocation
    ) async throws -> [UInt8] {
        let bar = invocation.progress("command \(receipt.id)", total: receipt.recipients)
        var patience = Patience(.seconds(60))
        var answer: [UInt8] = []
        return try await invocation.waiting(bar, goodbye: "command \(receipt.id) goes on to those that do not have it")
        {
            while true {
                try await patience.run {
                    answer = try await client.call("GET", "/v1/commands/\(receipt.id)")
                    return true
                }
                let pending = try WholeCommand(body: answer).status[.pending]
                bar.update(done: receipt.recipients - pending)
                if pending == 0 { return answer }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}
