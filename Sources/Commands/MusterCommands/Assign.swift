internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterJSON
internal import MusterScheduling
internal import MusterWire

/// `muster assign`.
enum AssignCommand {
    static let dataset = Flag<String?>.text(
        "dataset", short: "d", "FILE", as: .file,
        "Tuples of 1 to 64 numbers: one JSON list a line, such as [3,4], or one JSON list of all; - reads standard input. "
            + "At most 100,000 of them."
    ).defaulting(to: "100 pairs of random numbers, 1 to 1000")
    static let detach = Flag.bool("no-wait", "Print the job's number as soon as it is stored, and end.")

    static let command = Command(
        name: "assign", summary: "deal tuples to all workers, and add them up",
        description: [
            "Deals the tuples in turn to all workers alive at that moment; each adds up its own. The share of one that "
                + "dies is dealt again to the others.",
            "Waits, then prints a line for each tuple: the tuple, its sum, and the worker that sent it; then how many "
                + "each worker did, and the sum of the whole. With --json: the job, then a line for each tuple.",
        ],
        flags: [dataset.spec, detach.spec] + CommonFlags.client,
        exits: [
            Command.Exit(.success, "Every tuple has its sum; with --no-wait: the job is stored."),
            Command.Exit(.failure, "The job failed or was cancelled."),
            Command.Exit(.data, "The tuples are wrong, or the coordinator refused them."),
            Command.Exit(.noInput, "The file cannot be read."),
        ] + CommonFlags.clientExits.filter { $0.code != .data },
        examples: [
            Command.Example("muster assign", "A hundred random pairs."),
            Command.Example("muster assign --dataset tuples.ndjson", "One tuple for each line, such as [3,4,5]."),
            Command.Example(
                "echo '[[1,2],[3,4]]' | muster assign --dataset - --json", "The same from a pipe, as JSON."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        // Made up here, so that they can be shown beside their sums.
        let given = try invocation[dataset].map { try TupleFile.read($0) }
        let request = AssignRequest(dataset: AssignRequest(dataset: given).tuples)
        let answer = try await client.callOnce("/assign/all", request.body)
        let job = try JobStatus(JSONValue(parsing: answer))
        if invocation[detach] {
            try invocation.out.write(invocation[CommonFlags.json] ? answer + [0x0A] : Array("\(job.id)\n".utf8))
            return try invocation.out.flush()
        }
        let last = try await invocation.waitForJob(job, client)
        try await show(last, request.tuples.lines, client, invocation)
        try JobWatch.requireDone(last)
    }

    @MainActor private static func show(
        _ job: JobStatus, _ tuples: [ArraySlice<UInt8>], _ client: CoordinatorClient, _ invocation: Invocation
    ) async throws {
        let isJSON = invocation[CommonFlags.json]
        if isJSON {
            var json = JSONWriter()
            job.write(to: &json)
            try invocation.out.write(json.bytes + [0x0A])
        }
        var next = 0
        var total = Total()
        var patience = Patience(.seconds(60))
        try await patience.run {
            var lines = LineSplitter(name: "results", limits: .init(lineBytesMax: 8 << 20, linesMax: .max))
            var isEmpty = true
            let take: @MainActor (ArraySlice<UInt8>) throws -> Void = { line in
                let result = try AssignedSum(line, of: tuples)
                next = result.task + 1
                total.add(result.value)
                try invocation.out.write(isJSON ? result.json : result.text)
            }
            try await client.stream("/v1/jobs/\(job.id)/results?from=\(next)") { piece in
                isEmpty = false
                try lines.feed(piece[...]) { line, _ in try take(line) }
            }
            if !isEmpty { _ = try lines.finish { line, _ in try take(line) } }
            return true
        }
        if !isJSON {
            for name in job.workers.keys.sorted() {
                try invocation.out.line("worker\t\(Terminal.clean(name))\t\(job.workers[name]!)")
            }
            try invocation.out.line("sum\t\(total.text)")
        }
        try invocation.out.flush()
    }
}

/// One tuple with what became of it.
struct AssignedSum {
    let task: Int
    /// Nil for a task that failed.
    let value: JSONValue?
    private let tuple: ArraySlice<UInt8>
    private let error: String?
    private let worker: String
    private let line: ArraySlice<UInt8>

    /// Of a result line; throws a `Problem` for what is none of these tuples.
    init(_ line: ArraySlice<UInt8>, of tuples: [ArraySlice<UInt8>]) throws(Problem) {
        var fields = try JSONFields(JSONValue(line: line), path: "result.")
        task = try fields.required("task", fields.int("task", in: 0...tuples.count - 1))
        error = try fields.string("error", bytesMax: Limits.valueBytesMax)
        value = fields.value("value")
        worker = try fields.string("worker") ?? ""
        tuple = tuples[task]
        self.line = line
    }

    /// The result line with the tuple behind the task's number.
    var json: [UInt8] {
        let rest = line.drop { $0 != UInt8(ascii: ",") }
        return Array("{\"task\":\(task),\"tuple\":".utf8) + tuple + rest + [0x0A]
    }

    var text: [UInt8] {
        let shown = error.map { "failed: \(Terminal.clean($0))" } ?? Terminal.clean(value?.text ?? "null")
        return tuple + Array("\t\(shown)\t\(Terminal.clean(worker))\n".utf8)
    }
}

/// A sum of sums: exact while it is whole and fits 64 bits.
struct Total {
    private var whole: Int? = 0
    private var total = 0.0

    mutating func add(_ value: JSONValue?) {
        guard let value, let number = value.double else { return }
        total += number
        let sum = value.int.flatMap { next in whole.map { $0.addingReportingOverflow(next) } }
        whole = sum.flatMap { $0.overflow ? nil : $0.partialValue }
    }

    var text: String { whole.map { String($0) } ?? total.description }
}
