internal import MusterChild
package import MusterCommandLine
internal import MusterCore
internal import MusterKernels
internal import MusterRole

/// `muster child`.
package enum ChildCommand {
    static let join = Flag<String?>.text(
        "join", "URL", as: .url, "The coordinator to deliver the numbers to."
    ).defaulting(to: "none: the numbers are printed, one a line")
    static let numbers = Flag<Int>.int(
        "numbers", "N", in: 1...Limits.childNumbersMax, default: Limits.childNumbersDefault, "How many numbers to make."
    )
    static let range = Flag<Int?>.int(
        "range", "N", in: 1...Limits.numberRangeMax, "Numbers are from 1 to N."
    ).defaulting(to: "the coordinator's; without one 10000000")
    static let orphan = Flag.seconds(
        "orphan-seconds", in: 0.1...86_400, default: 60, "Give up when the coordinator was away for so long.")
    // The rest is for the coordinator that launches children.
    static let id = Flag<Int?>.int("id", "N", in: 1...Int.max, "Which child of the coordinator this is.").hidden
    static let offset = Flag<Int>.int(
        "offset", "N", in: 0...Limits.childNumbersMax, default: 0, "How many of its numbers are recorded already."
    ).hidden
    static let runs = Flag<String?>.text("command", "CMD", "Whose output the numbers are.").hidden
    static let runsFor = Flag.seconds(
        "command-seconds", in: 0.1...86_400, default: 240, "How long the command may take."
    ).hidden

    package static let command = Command(
        name: "child", summary: "make random numbers, and print or deliver them",
        description: [
            "Without --join, prints its numbers and ends: what a child does can be looked at on any machine.",
            "With it, delivers them to the coordinator, tries again while that is away, and ends once they are durable.",
        ],
        flags: [
            join.spec, numbers.spec, range.spec, orphan.spec, id.spec, offset.spec, runs.spec, runsFor.spec,
            CommonFlags.token.spec, CommonFlags.tlsCA.spec,
        ] + CommonFlags.always,
        exits: [
            Command.Exit(.success, "The numbers are printed; with --join: they are durable."),
            Command.Exit(.unavailable, "The coordinator was away for longer than --orphan-seconds."),
            Command.Exit(.internalError), Command.Exit(.inputOutput), Command.Exit(.noPermission),
            Command.Exit(.configuration),
        ],
        examples: [
            Command.Example("muster child --numbers 5 --range 100", "Five numbers, one a line."),
            Command.Example("muster child --join http://127.0.0.1:8080", "A thousand more for the coordinator's set."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        guard let url = invocation[join] else { return try printed(invocation) }
        let token = try WorkerCommand.token(
            invocation, data: invocation.environment["MUSTER_DATA"] ?? CommonFlags.dataDefault, to: url)
        let identity: Child.Identity =
            if let id = invocation[id], let token {
                .launched(ChildID(Int64(id)), secret: token, offset: invocation[offset])
            } else {
                .byHand(token: token)
            }
        var configuration = Child.Configuration(
            coordinatorURL: url, identity: identity, numbers: invocation[numbers], range: invocation[range])
        configuration.command = invocation[runs]
        configuration.commandTime = invocation[runsFor]
        configuration.orphanTime = invocation[orphan]
        configuration.tlsAuthority = invocation[CommonFlags.tlsCA]
        do {
            try await Child(configuration).run()
        } catch let error as NodeError {
            throw CommandError(error)
        }
    }

    @MainActor private static func printed(_ invocation: Invocation) throws {
        var left = invocation[numbers]
        while left > 0 {
            let count = min(left, 100_000)
            let made = RandomNumbers.make(count: count, range: invocation[range] ?? Limits.numberRangeDefault)
            for number in made { try invocation.out.line(String(number)) }
            left -= count
        }
    }
}
