internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterLaunchRules
internal import MusterWire

/// `muster scale`.
enum ScaleCommand {
    static let workers = Positional.int("N", in: 0...WorkerPool.workersMax, "How many workers to have.")

    static let command = Command(
        name: "scale", summary: "have so many workers beside the coordinator",
        description: [
            "The coordinator starts or ends workers that it launched itself, each of one slot, until there are N; those that "
                + "joined by themselves do not count. One that ends finishes what it computes first.",
            "Prints how many of them have joined by now, and how many are on their way; 'muster workers' tells later. The number "
                + "is kept: a worker that dies is started again, also after a restart of the coordinator.",
            "A coordinator with --workers-max has as many as its queue needs, and refuses: 'muster status' says how many, and why.",
        ],
        positionals: [workers.spec], flags: CommonFlags.client,
        exits: [Command.Exit(.success, "The number is stored; workers come and go from now on.")]
            + CommonFlags.clientExits,
        examples: [Command.Example("muster scale 8", "Eight workers, from now on.")], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let asked = ScaleRequest(workers: invocation[workers])
        let answer = try await CoordinatorClient(invocation).call("POST", "/v1/scale", asked.body)
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        let joined = try ScaleReply(body: answer).joined
        let starting = max(0, invocation[workers] - joined)
        try invocation.out.line(
            "\(invocation[workers]) workers wanted, \(joined) joined" + (starting > 0 ? ", \(starting) starting" : ""))
    }
}
