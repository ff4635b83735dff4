internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterJSON
internal import MusterWire

/// `muster results ID`.
enum ResultsCommand {
    static let id = CommonFlags.jobID
    static let wait = Flag.bool(
        "wait", short: "w", "Go on printing, in task order, as results arrive, until the job has ended.")

    static let command = Command(
        name: "results", summary: "print a job's results",
        description: [
            "Prints a line for each finished task, in task order: the task's number and its value, or why it "
                + "failed. With --json a line "
                + "is a JSON object that also has the worker, the attempt and the seconds of computing.",
            "Without --wait it prints what there is and ends.",
        ],
        positionals: [id.spec], flags: [wait.spec] + CommonFlags.client,
        exits: [Command.Exit(.failure, "With --wait: the job failed or was cancelled.")] + CommonFlags.clientExits
            + [Command.Exit(.noInput, "There is no such job.")],
        examples: [
            Command.Example("muster results 17 --json > results.ndjson", "All results of job 17 so far, into a file."),
            Command.Example("muster results 17 --wait | head", "The first ten, as soon as they are there."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        let job = JobID(Int64(invocation[id]))
        guard invocation[wait] else { return try await print(job, client, invocation) }
        let goodbye = "job \(job) goes on, if it was not over; 'muster results \(job) --wait' begins again"
        try await invocation.waiting(nil, goodbye: goodbye) { try await print(job, client, invocation) }
    }

    @MainActor private static func print(
        _ job: JobID, _ client: CoordinatorClient, _ invocation: Invocation
    ) async throws {
        let waits = invocation[wait]
        // Only a coordinator that was there is waited for.
        var status = try await client.call("GET", "/v1/jobs/\(job)")
        var next = 0
        var patience = Patience(.seconds(60))
        let contact = patience.contact
        try await patience.run {
            var lines = LineSplitter(name: "results", limits: .init(lineBytesMax: 8 << 20, linesMax: .max))
            let take: @MainActor (ArraySlice<UInt8>) throws -> Void = { line in
                next = try print(line, invocation, from: next)
            }
            var isEmpty = true
            try await client.stream("/v1/jobs/\(job)/results?wait=\(waits)&from=\(next)") { piece in
                isEmpty = false
                contact.made()
                try lines.feed(piece[...]) { line, _ in try take(line) }
                if waits { try invocation.out.flush() }
            }
            // A job may have no result yet, or none that was not printed before.
            if !isEmpty { _ = try lines.finish { line, _ in try take(line) } }
            return true
        }
        guard waits else { return }
        try invocation.out.flush()
        try await patience.run {
            status = try await client.call("GET", "/v1/jobs/\(job)")
            return true
        }
        try JobWatch.requireDone(JobStatus(JSONValue(parsing: status)))
    }

    /// Prints one line and returns the task after it, where a broken stream is taken up again.
    @MainActor private static func print(
        _ line: ArraySlice<UInt8>, _ invocation: Invocation, from next: Int
    ) throws -> Int {
        if invocation[CommonFlags.json] {
            try invocation.out.write(line)
            try invocation.out.write(CollectionOfOne(0x0A))
            return taskNumber(line) + 1
        }
        var fields = try JSONFields(JSONValue(line: line), path: "")
        let task = try fields.int("task", in: 0...Limits.jobTasksMax) ?? next
        if let error = try fields.string("error", bytesMax: Limits.valueBytesMax) {
            try invocation.out.line("\(task)\tfailed: \(Terminal.clean(error))")
        } else {
            try invocation.out.line("\(task)\t\(Terminal.clean(fields.value("value")?.text ?? "null"))")
        }
        return task + 1
    }

    /// A line begins `{"task":17,`: its number, without reading the rest.
    private static func taskNumber(_ line: ArraySlice<UInt8>) -> Int {
        line.dropFirst(8).prefix { (0x30...0x39).contains($0) }.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}
