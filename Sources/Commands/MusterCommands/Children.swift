internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterJSON
internal import MusterWire

/// `muster children`.
enum ChildrenCommand {
    static let limit = Flag<Int>.int("limit", "N", in: 1...1_000, default: 20, "At most so many.")
    static let action = Positional<String?>.optional(
        "ACTION", as: .choice(["list", "cancel"], reserved: []), "What to do; list, if it is left out.")
    static let children = Positional<[String]>.variadic(
        "CHILD", as: .text(bytesMax: 64, suggestions: ["all"]),
        "For cancel: a child's name (child-7) or number, a range of numbers (7-12), or all.")

    static let command = Command(
        name: "children", summary: "list the newest children, or call some off",
        description: [
            "Prints a line for each child: its name, state, numbers that it shall bring (none are known beforehand of a program "
                + "of somebody else), numbers recorded and rejected, and why it died last.",
            "'muster children cancel' calls off those that are named: one that waits never starts, one that runs is ended, and the "
                + "numbers that it brought stay. Prints a line for each with how it stands; one that was over stays as it was.",
        ],
        positionals: [action.spec, children.spec], flags: [limit.spec] + CommonFlags.client,
        exits: [Command.Exit(.noInput, "There is no such child.")] + CommonFlags.clientExits,
        examples: [
            Command.Example("muster children --limit 100", "The newest hundred."),
            Command.Example("muster children cancel 7-12 child-20", "Seven of them are not wanted any more."),
            Command.Example("muster children cancel all", "None of those that wait or run is."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        let named = invocation[children]
        guard invocation[action] == "cancel" else {
            if let first = named.first {
                throw CommandError.usage("children list takes no CHILD: \(CommandError.quoted(first))")
            }
            return try await list(client, invocation)
        }
        guard !named.isEmpty else {
            throw CommandError.usage("children cancel takes a CHILD: its name, a range, or all")
        }
        for range in try named == ["all"] ? await unfinished(client) : named.map(range) {
            for id in range {
                let answer = try await client.call("DELETE", "/v1/children/\(id)")
                if invocation[CommonFlags.json] {
                    try invocation.out.write(answer + [0x0A])
                } else {
                    let child = try ChildStatus(JSONValue(parsing: answer))
                    try invocation.out.line("\(child.name) is \(child.state?.rawValue ?? "gone")")
                }
            }
        }
    }

    /// Those that are not over, newest first, so that none of them starts meanwhile in another's place.
    @MainActor private static func unfinished(_ client: CoordinatorClient) async throws -> [ClosedRange<Int>] {
        var found: [ClosedRange<Int>] = []
        var before = ""
        while true {
            let page = try ListAnswer<ChildStatus>(
                body: try await client.call("GET", "/v1/children?limit=1000" + before)
            ).items
            found += page.filter { $0.state?.isFinal == false }.map { Int($0.id.rawValue)...Int($0.id.rawValue) }
            guard let last = page.last else { return found }
            before = "&before=\(last.id)"
        }
    }

    /// `7`, `child-7` or `7-12`.
    static func range(_ text: String) throws(CommandError) -> ClosedRange<Int> {
        let plain = text.hasPrefix("child-") ? text.dropFirst(6) : text[...]
        let parts = plain.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int($0) }
        guard numbers.count == parts.count, let first = numbers.first, let last = numbers.last, first >= 1,
            first <= last,
            last - first < Limits.childrenAtOnceMax
        else {
            throw .usage(
                "CHILD: \(CommandError.quoted(text)) is no child: a name like child-7, a number, a range like 7-12 of at most"
                    + " \(Limits.childrenAtOnceMax), or all by itself")
        }
        return first...last
    }

    @MainActor private static func list(_ client: CoordinatorClient, _ invocation: Invocation) async throws {
        let answer = try await client.call("GET", "/v1/children?limit=\(invocation[limit])")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        var table = TextTable([
            .init("NAME"), .init("STATE"), .init("NUMBERS", .right), .init("RECEIVED", .right),
            .init("REJECTED", .right),
            .init("ATTEMPTS", .right), .init("CREATED"), .init("REASON"),
        ])
        for child in try ListAnswer<ChildStatus>(body: answer).items {
            table.add([
                child.name, child.state?.rawValue ?? "", child.numbers.map(String.init) ?? "-", "\(child.received)",
                "\(child.rejected)", "\(child.attempts)", WallClock.text(child.created), child.reason,
            ])
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }
}
