/// `muster submit KERNEL`.
package enum SubmitCommand {
    package static let kernel = Positional.text(
        "KERNEL", as: .text(bytesMax: 64, suggestions: ["fail", "noop", "sleep", "sum"]), "What each task computes.")
    package static let count = Flag<Int?>.int(
        "count", short: "n", "N", in: 1...100_000_000,
        "How many tasks the job has, where they need no input of their own."
    ).defaulting(to: "1, unless there is --input")
    package static let params = Flag.pairs(
        "param", short: "p", "K=V",
        "A parameter of the kernel. V is read as JSON where it is JSON (5, true, [1,2]), else as a text.")
    package static let input = Flag<String?>.text(
        "input", short: "i", "FILE", as: .file,
        "A file with one JSON value a line, each the input of one task; - reads standard input. Lines are "
            + "bounded at 1 MiB, 10,000,000 of them.")
    package static let priority = Flag<String>.text(
        "priority", "PRIORITY", as: .choice(["interactive", "batch"], reserved: []), default: "batch",
        "Interactive jobs are served before batch jobs.")
    package static let wait = Flag.bool(
        "wait", short: "w", "Wait until the job has ended, with progress on standard error.")

    package static let command = Command(
        name: "submit", summary: "hand the fleet a job",
        description: [
            "Prints the new job's number and nothing else (with --json: the job). The job is stored by then: "
                + "it survives a crash of the coordinator. 'muster results ID' prints its results.",
            "The kernels of this version: noop does nothing; sleep waits (ms=N); fail fails (attempts=N: that "
                + "often, then succeeds); sum adds up the list of numbers that is its input.",
        ],
        positionals: [kernel.spec],
        flags: [count.spec, params.spec, input.spec, priority.spec, wait.spec] + CommonFlags.client,
        rules: [.exclusive(["count", "input"])],
        exits: [
            Command.Exit(.success, "The job is stored; with --wait: it is done."),
            Command.Exit(.failure, "With --wait: the job failed or was cancelled."),
            Command.Exit(.data, "The input is wrong, or the coordinator refused the job."),
            Command.Exit(.noInput, "The input file cannot be read."),
        ] + CommonFlags.clientExits.filter { $0.code != .data },
        examples: [
            Command.Example("muster submit noop --count 100000 --wait", "A hundred thousand tasks that do nothing."),
            Command.Example("muster submit sum --input tuples.ndjson", "One task for each line, such as [3,4,5]."),
            Command.Example("seq 10 | sed 's/.*/[&,1]/' | muster submit sum --input -", "The same from a pipe."),
            Command.Example("muster submit sleep --count 20 --param ms=500", "Twenty tasks of half a second."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        throw CommandError(.unavailable, "the job cannot be sent: no client is wired to this command")
    }
}
