internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterJSON
internal import MusterKernels
internal import MusterRun
internal import MusterWire

/// `muster submit KERNEL`.
enum SubmitCommand {
    static let kernel = Positional.text(
        "KERNEL", as: .text(bytesMax: 64, suggestions: KernelTable.names), "What each task computes.")
    static let count = Flag<Int?>.int(
        "count", short: "n", "N", in: 1...100_000_000,
        "How many tasks the job has, where they need no input of their own."
    ).defaulting(to: "1, unless there is --input")
    static let params = Flag.pairs(
        "param", short: "p", "K=V",
        "A parameter of the kernel. V is read as JSON where it is JSON (5, true, [1,2]), else as a text.")
    static let input = Flag<String?>.text(
        "input", short: "i", "FILE", as: .file,
        "A file with one JSON value a line, each the input of one task; - reads standard input. Lines are "
            + "bounded at 1 MiB, 10,000,000 of them.")
    static let priority = Flag<String>.text(
        "priority", "PRIORITY", as: .choice(["interactive", "batch"], reserved: []), default: "batch",
        "Interactive jobs are served before batch jobs.")
    static let quorum = Flag<String?>.text(
        "quorum", "K/N", as: .text(bytesMax: 5, suggestions: []),
        "A task's result counts when K machines have computed the same; at first at most N are asked, and where "
            + "they do not agree up to twice as many. 1 to 15, K more than half of N.")
    static let attempts = Flag<Int?>.int(
        "attempts", "N", in: 1...Limits.attemptsMax,
        "A task that failed so often has failed for good. What a worker cannot run by its own fault, such as an image "
            + "that it lacks, is not a failure of the task."
    ).defaulting(to: "5; of container 1: a command is repeated only where it is asked for")
    static let retryDelay = Flag<Double>.double(
        "retry-delay", "S", in: 0...Limits.retryDelaySecondsMax, default: Limits.retryDelayDefault.inSeconds,
        "Seconds that a failed task rests before it is tried again, up to a half less by chance; after each failure twice "
            + "as long, at most 60 or this. Then it goes to another worker first, where there is one.")
    static let atMost = Flag<Int?>.int(
        "at-most", "N", in: 1...Limits.jobTasksMax, "So many of the job's tasks run at one time."
    ).defaulting(to: "as many as there are slots")
    static let copies = Flag.bool(
        "copies",
        "Idle workers may compute again what others are slow with, and the first result counts. All kernels but "
            + "container do this anyway.")
    static let name = Flag<String?>.text(
        "name", "NAME", as: .text(bytesMax: Limits.nameBytesMax, suggestions: []),
        "What people call the job: 'muster jobs' shows it. Several may share one."
    ).environment("MUSTER_JOB_NAME")
    static let timeout = Flag<Duration?>.seconds(
        "timeout", in: Limits.timeoutSecondsMin...Limits.timeoutSecondsMax,
        "How long an attempt at a task may take; one that takes longer has failed."
    ).defaulting(to: "as long as it likes")
    static let wait = Flag.bool(
        "wait", short: "w", "Wait until the job has ended, with progress on standard error.")

    static let command = Command(
        name: "submit", summary: "hand the fleet a job",
        description: [
            "Prints the new job's number and nothing else (with --json: the job; with --wait --json: the job at its end). The job "
                + "is stored by then: it survives a crash of the coordinator. 'muster results ID' prints its results. A coordinator "
                + "that goes away meanwhile is asked again for up to a minute, and makes one job of it.",
            "The kernels of this version: "
                + KernelTable.all.map { "\($0.name) \($0.summary)" }.joined(separator: ". ")
                + ". 'muster render' is a simpler way to pictures.",
            "--wait says on standard error how far the job is, and why nothing moves where that is known. To end the wait by "
                + "Ctrl-C leaves the job alone: 'muster job ID --wait' comes back to it.",
        ],
        positionals: [kernel.spec],
        flags: [
            count.spec, params.spec, input.spec, priority.spec, quorum.spec, attempts.spec, retryDelay.spec,
            atMost.spec, copies.spec, name.spec, timeout.spec, wait.spec,
        ] + NeedsFlags.all + TermsFlags.all + CommonFlags.client,
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
            Command.Example(
                "muster submit sum --input tuples.ndjson --quorum 2/3", "Two machines have to agree on each sum."),
            Command.Example(
                "muster submit container -p image=debian -p 'command=[\"false\"]' --attempts 3 --retry-delay 5",
                "A command that fails is tried three times, with at least 2.5 and then 5 seconds between."),
            Command.Example(
                "muster submit sleep --count 9 --cpus 2 --memory 4G --need site=lab",
                "Each task has two slots and 4 GiB of a worker with this label."),
            Command.Example("muster submit sleep --count 20 --param ms=500", "Twenty tasks of half a second."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        let request = try jobRequest(invocation)
        let answer = try await client.callOnce("/v1/jobs", request.body)
        let job = try JobStatus(JSONValue(parsing: answer))
        let isJSON = invocation[CommonFlags.json]
        guard invocation[wait] else {
            return try invocation.out.write(isJSON ? answer + [0x0A] : Array("\(job.id)\n".utf8))
        }
        if !isJSON {
            try invocation.out.line("\(job.id)")
            try invocation.out.flush()
        }
        let last = try await invocation.waitForJob(job, client)
        if isJSON { try JobCommand.write(last, invocation.out) }
        try JobWatch.requireDone(last)
    }

    @MainActor private static func jobRequest(_ invocation: Invocation) throws -> JobRequest {
        let inputs = try invocation[input].map(readInputs)
        let quorum = try invocation[quorum].map(readQuorum)
        var request = JobRequest(
            kernel: invocation[kernel], params: try params(invocation[params]),
            count: inputs?.count ?? invocation[count] ?? 1, inputs: inputs,
            priority: Priority(rawValue: invocation[priority]) ?? .batch, attemptsMax: invocation[attempts],
            quorum: quorum, retryDelay: Duration(seconds: invocation[retryDelay]), atMost: invocation[atMost],
            mayCopy: invocation[copies] ? true : nil)
        request.name = invocation[name] ?? ""
        request.timeoutSeconds = invocation[timeout].map(\.inSeconds)
        request.needs = try NeedsFlags.needs(invocation)
        request.failsIfImpossible = invocation[NeedsFlags.failsIfImpossible]
        try TermsFlags.terms(invocation).apply(to: &request)
        return request
    }

    private static func readQuorum(_ text: String) throws(CommandError) -> Quorum {
        if let quorum = Quorum(text) { return quorum }
        throw .usage("--quorum: \(CommandError.quoted(text)) is not K/N, like 2/3: 1 to 15, K more than half of N")
    }

    @MainActor private static func readInputs(_ path: String) throws -> LineColumn {
        var inputs = LineColumn()
        try InputLines.forEach(in: path) { line, _ in
            do throws(JSONError) {
                inputs.append(line: try JSONValue(parsing: Array(line)).bytes)
            } catch {
                throw InputLines.LineError("not one JSON value: \(error.message), at byte \(error.offset)")
            }
            guard inputs.bytes.count < Limits.bodyBytesMax - (1 << 20) else {
                throw InputLines.LineError(
                    "the inputs up to here exceed \(Limits.bodyBytesMax >> 20) MiB; split them over several jobs")
            }
        }
        return inputs
    }

    /// A value that is JSON goes as it is, anything else as a string.
    private static func params(_ given: [KeyValue]) throws -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        for pair in given {
            json.key(named: pair.key)
            if let value = try? JSONValue(parsing: Array(pair.value.utf8)) {
                json.raw(value.bytes)
            } else {
                json.value(pair.value)
            }
        }
        json.endObject()
        return json.bytes
    }
}
