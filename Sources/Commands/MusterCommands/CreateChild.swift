internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterWire

/// `muster create-child`.
enum CreateChildCommand {
    static let count = Flag<Int>.int(
        "count", "N", in: 1...Limits.childrenAtOnceMax, default: 1, "How many children to spawn.")
    static let numbers = Flag<Int>.int(
        "numbers", "N", in: 1...Limits.childNumbersMax, default: Limits.childNumbersDefault,
        "How many numbers each of them brings.")
    static let wait = Flag.bool("wait", "Wait until all of them are over, with progress on standard error.")

    static let command = Command(
        name: "create-child", summary: "spawn children that gather random numbers",
        description: [
            "Each child is a process of its own that the coordinator starts; it makes random numbers, delivers them, and "
                + "ends. 'muster progress' shows how many different ones there are.",
            "Prints the children's names as soon as their order is stored. The coordinator runs no more of them at one time "
                + "than its --children-max; one that dies is started again and goes on where it was.",
        ],
        flags: [count.spec, numbers.spec, wait.spec] + CommonFlags.client,
        exits: [
            Command.Exit(.success, "The order is stored; with --wait: every child brought its numbers."),
            Command.Exit(.failure, "With --wait: a child failed for good."),
        ] + CommonFlags.clientExits,
        examples: [
            Command.Example("muster create-child", "One child, a thousand numbers."),
            Command.Example("muster create-child --count 50 --numbers 100000 --wait", "Fifty, and wait for them."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        let request = ChildrenRequest(count: invocation[count], numbers: invocation[numbers])
        let answer = try await client.callOnce("/v1/children", request.body)
        let children = try ListAnswer<ChildStatus>(body: answer).items
        if invocation[CommonFlags.json] {
            try invocation.out.write(answer + [0x0A])
        } else {
            for child in children { try invocation.out.line(child.name) }
        }
        try invocation.out.flush()
        guard invocation[wait] else { return }
        let bar = invocation.progress("\(children.count) children", total: children.count)
        try await invocation.waiting(
            bar, goodbye: "the children go on; 'muster children' lists them, 'muster children cancel' calls them off"
        ) {
            try await ChildWatch(client: client, ids: children.map(\.id)).follow { done, failed in
                bar.update(done: done, failed: failed)
            }
        }
    }
}
