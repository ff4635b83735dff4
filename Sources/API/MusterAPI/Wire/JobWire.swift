package import MusterCore
package import MusterScheduling

/// `POST /v1/jobs`: what a client asks for.
package struct JobRequest: Hashable, Sendable {
    package var kernel: String
    /// JSON object text.
    package var params: [UInt8]
    /// Tasks; given by `count`, or by how many `inputs` there are.
    package var count: Int
    /// One JSON value a task, or nil when the tasks have none.
    package var inputs: LineColumn?
    package var priority: Priority
    /// Nil: as many as are usual for the kernel.
    package var attemptsMax: Int?
    /// How long a failed task rests before it is tried again, at first.
    package var retryDelay: Duration
    /// So many of its tasks run at one time; nil: as many as there are slots.
    package var atMost: Int?
    /// Whether an idle worker may be given what another is slow with; nil: as is usual for the kernel.
    package var mayCopy: Bool?
    /// How many machines must agree on each task; nil: one result is enough.
    package var quorum: Quorum?
    /// What people call it; empty for none.
    package var name = ""
    /// An attempt at a task that takes longer has failed; nil: no limit.
    package var timeoutSeconds: Double?

    package init(
        kernel: String, params: [UInt8] = Array("{}".utf8), count: Int, inputs: LineColumn? = nil,
        priority: Priority = .batch, attemptsMax: Int? = nil, quorum: Quorum? = nil,
        retryDelay: Duration = Limits.retryDelayDefault, atMost: Int? = nil, mayCopy: Bool? = nil
    ) {
        (self.retryDelay, self.atMost, self.mayCopy) = (retryDelay, atMost, mayCopy)
        self.quorum = quorum
        self.kernel = kernel
        self.params = params
        self.count = count
        self.inputs = inputs
        self.priority = priority
        self.attemptsMax = attemptsMax
    }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        kernel = try fields.required("kernel", fields.string("kernel"))
        let asked = try fields.int("count", in: 1...Limits.jobTasksMax)
        inputs = try fields.column("inputs")
        params = try Self.params(&fields)
        priority = try fields.choice("priority", Priority.self) ?? .batch
        attemptsMax = try fields.int("attempts", in: 1...Limits.attemptsMax)
        retryDelay =
            try fields.double("retryDelay", in: 0...Limits.retryDelaySecondsMax)
            .map { .milliseconds(Int64(($0 * 1_000).rounded())) } ?? Limits.retryDelayDefault
        atMost = try fields.int("atMost", in: 1...Limits.jobTasksMax)
        mayCopy = try fields.bool("copies")
        quorum = try Self.quorum(&fields)
        name = try Self.name(&fields)
        timeoutSeconds = try fields.double(
            "timeoutSeconds", in: Limits.timeoutSecondsMin...Limits.timeoutSecondsMax)
        try fields.finish()
        if let inputs, let asked, asked != inputs.count {
            throw Problem(422, "\"count\" is \(asked), but there are \(inputs.count) inputs; leave \"count\" out.")
        }
        guard let count = inputs?.count ?? asked else {
            throw Problem(422, "A job needs \"count\" (how many tasks) or \"inputs\" (one a task).", code: "field")
        }
        if count == 0 { throw Problem(422, "\"inputs\" is empty; a job has at least one task.", code: "field") }
        guard quorum == nil || count <= Limits.quorumTasksMax else {
            throw Problem(
                422, "A job with a quorum has at most \(Limits.quorumTasksMax) tasks, not \(count).", code: "field")
        }
        self.count = count
    }

    /// For people, so it must show.
    private static func name(_ fields: inout JSONFields) throws(Problem) -> String {
        let name = try fields.string("name") ?? ""
        guard name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }),
            name.isEmpty || !name.allSatisfy(\.isWhitespace)
        else {
            throw Problem(
                422, "\"name\" must hold more than blanks, and no control characters; leave it out for none.",
                code: "field")
        }
        return name
    }

    private static func quorum(_ fields: inout JSONFields) throws(Problem) -> Quorum? {
        guard let text = try fields.string("quorum") else { return nil }
        guard let quorum = Quorum(text) else {
            throw Problem(
                422,
                "\"quorum\" is k/n with 1 <= k <= n <= \(Quorum.votersMax) and k more than half of n, like 2/3, not "
                    + "\"\(text.prefix(80))\".", code: "field")
        }
        return quorum
    }

    private static func params(_ fields: inout JSONFields) throws(Problem) -> [UInt8] {
        guard let value = fields.value("params") else { return Array("{}".utf8) }
        guard value.kind == .object else { throw fields.wrong("params", value, "an object") }
        guard value.bytes.count <= Limits.paramsBytesMax else {
            throw Problem(422, "\"params\" has \(value.bytes.count) bytes; at most \(Limits.paramsBytesMax).")
        }
        return Array(value.bytes)
    }

    package var body: [UInt8] {
        var json = JSONWriter(reserving: 256 + (inputs?.bytes.count ?? 0))
        json.beginObject()
        json.field("kernel", kernel)
        if let inputs {
            json.key("inputs")
            json.array(lines: inputs.bytes)
        } else {
            json.field("count", count)
        }
        json.field("params", raw: params)
        json.field("priority", priority.rawValue)
        if let attemptsMax { json.field("attempts", attemptsMax) }
        if retryDelay != Limits.retryDelayDefault { json.field("retryDelay", retryDelay.inSeconds) }
        if let atMost { json.field("atMost", atMost) }
        if let mayCopy { json.field("copies", mayCopy) }
        if let quorum { json.field("quorum", quorum.description) }
        if !name.isEmpty { json.field("name", name) }
        if let timeoutSeconds { json.field("timeoutSeconds", timeoutSeconds) }
        json.endObject()
        return json.bytes
    }
}

/// A job as clients see it.
package struct JobStatus: Hashable, Sendable {
    package var id: JobID
    package var kernel: String
    package var state: JobState
    package var count: Int
    /// Tasks with a value, and tasks that failed for good.
    package var done: Int
    package var failed: Int
    /// Recorded tasks by worker name.
    package var workers: [String: Int]
    /// From submission to the end, or to now.
    package var seconds: Double
    package var priority: Priority
    /// Why nothing of it can be done now; nil: nothing is known to be in its way.
    package var waiting: String?
    package var quorum: Quorum?
    /// What people call it; empty for none.
    package var name = ""
    /// When it was asked for, in seconds since 1970; 0: not told.
    package var created = 0.0
    /// How long an attempt at a task may take; nil: as long as it likes.
    package var timeoutSeconds: Double?

    package init(
        id: JobID, kernel: String, state: JobState, count: Int, done: Int, failed: Int, workers: [String: Int],
        seconds: Double, priority: Priority, quorum: Quorum? = nil, waiting: String? = nil
    ) {
        self.waiting = waiting
        self.quorum = quorum
        self.id = id
        self.kernel = kernel
        self.state = state
        self.count = count
        self.done = done
        self.failed = failed
        self.workers = workers
        self.seconds = seconds
        self.priority = priority
    }

    package init(_ value: JSONValue) throws(Problem) {
        var fields = try JSONFields(value, path: "job.")
        id = JobID(Int64(try fields.required("id", fields.int("id", in: 1...Int.max))))
        kernel = try fields.string("kernel") ?? ""
        state = try fields.required("state", fields.choice("state", JobState.self))
        count = try fields.int("count", in: 0...Int.max) ?? 0
        done = try fields.int("done", in: 0...Int.max) ?? 0
        failed = try fields.int("failed", in: 0...Int.max) ?? 0
        seconds = try fields.double("seconds", in: 0...1e15) ?? 0
        priority = try fields.choice("priority", Priority.self) ?? .batch
        waiting = try fields.string("waiting", bytesMax: 4_096)
        quorum = try fields.string("quorum").flatMap { Quorum($0) }
        name = try fields.string("name") ?? ""
        created = try fields.double("created", in: 0...1e12) ?? 0
        timeoutSeconds = try fields.double("timeoutSeconds", in: 0...1e12)
        workers = [:]
        for (name, value) in fields.value("workers")?.members ?? [] { workers[name] = value.int }
    }

    package func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("id", id.rawValue)
        if !name.isEmpty { json.field("name", name) }
        json.field("kernel", kernel)
        json.field("state", state.rawValue)
        json.field("count", count)
        json.field("done", done)
        json.field("failed", failed)
        json.key("workers")
        json.beginObject()
        for name in workers.keys.sorted() where !name.isEmpty {
            json.key(named: name)
            json.value(workers[name]!)
        }
        json.endObject()
        json.field("seconds", seconds)
        if created > 0 { json.field("created", created) }
        if let timeoutSeconds { json.field("timeoutSeconds", timeoutSeconds) }
        json.field("priority", priority.rawValue)
        if let waiting { json.field("waiting", waiting) }
        if let quorum { json.field("quorum", quorum.description) }
        json.endObject()
    }
}
