internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterWire

/// `muster progress`.
enum ProgressCommand {
    static let follow = Flag.bool(
        "follow", short: "f", "Go on showing it until no child is waiting or running, with a bar on standard error.")

    static let command = Command(
        name: "progress", summary: "show how many different numbers the children brought",
        description: [
            "Prints the count of unique numbers, what part of the range that is, and how many were received, were "
                + "duplicates, or were rejected."
        ],
        flags: [follow.spec] + CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [
            Command.Example("muster progress", "Now."),
            Command.Example("muster progress --follow", "A bar, for as long as there are children."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        var answer = try await client.call("GET", "/progress")
        if invocation[follow] { answer = try await shown(answer, client, invocation) }
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        try invocation.out.write(NumbersProgress(body: answer).text)
    }

    /// The last answer, when no child was left.
    @MainActor private static func shown(
        _ first: [UInt8], _ client: CoordinatorClient, _ invocation: Invocation
    ) async throws -> [UInt8] {
        var answer = first
        var progress = try NumbersProgress(body: answer)
        if progress.childrenLeft == 0 { return answer }
        let bar = invocation.progress("unique numbers", total: progress.range)
        var patience = Patience(.seconds(60))
        return try await invocation.waiting(bar, goodbye: "the children go on; 'muster progress --follow' comes back") {
            while true {
                bar.update(done: progress.unique)
                if progress.childrenLeft == 0 { return answer }
                try await Task.sleep(for: .milliseconds(100))
                try await patience.run {
                    answer = try await client.call("GET", "/progress")
                    return true
                }
                progress = try NumbersProgress(body: answer)
            }
        }
    }
}

extension NumbersProgress {
    /// For people: the bar of the whole range, then the counts.
    var text: [UInt8] {
        let filled = min(40, Int(percentage / 2.5))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 40 - filled)
        let share = Format.shortest((percentage * 100).rounded() / 100)
        return Array(
            """
            [\(bar)] \(share) % of 1...\(range)
            unique      \(unique)
            received    \(received)
            duplicates  \(duplicates)
            rejected    \(rejected)

            """.utf8)
    }
}
