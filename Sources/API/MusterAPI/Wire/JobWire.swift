package import MusterCore
internal import MusterJSON
package import MusterWire
package import RunRules

/// `POST /v1/jobs`: what a client asks for.
package struct JobRequest: Hashable, WireRequest {
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
    /// What each task needs; nil: one cpu and nothing else.
    package var needs: Needs?
    /// At least so long between two starts of its tasks; nil: they start as they can.
    package var startDelay: Duration?
    /// It is refused where no worker of the fleet could ever run it, and does not wait for one that could.
    package var failsIfImpossible = false
    /// Jobs that it waits for.
    package var after = Prerequisites()
    /// Whose it is; empty: not said.
    package var owner = ""
    /// Whether a task that is lost with its worker is run again.
    package var reruns = true
    /// When it ends before its end; nil: never.
    package var halt: HaltRule.Condition?

    package init(
        kernel: String, params: [UInt8] = Array("{}".utf8), count: Int, inputs: LineColumn? = nil,
        priority: Priority = .batch, attemptsMax: Int? = nil, quorum: Quorum? = nil,
        retryDelay: Duration = Limits.retryDelayDefault, atMost: Int? = nil, mayCopy: Bool? = nil
    ) {
        (self.kernel, self.params, self.count, self.inputs) = (kernel, params, count, inputs)
        (self.priority, self.attemptsMax, self.quorum) = (priority, attemptsMax, quorum)
        (self.retryDelay, self.atMost, self.mayCopy) = (retryDelay, atMost, mayCopy)
    }

    package var bytesExpected: Int { 256 + (inputs?.bytes.count ?? 0) }
    package static let blank = JobRequest(kernel: "", count: 0)
    package static let fields: [WireField<JobRequest>] = [
        .must("kernel", \.kernel, .text(1...Limits.nameBytesMax), "What each task computes."),
        .may(
            "count", \.count, .integer(1...Limits.jobTasksMax), "How many tasks; needed when there are no inputs.",
            when: { $0.inputs == nil }),
        .may("inputs", \.inputs, .column(), "One JSON value a task."),
        .may("params", \.params, .params, "Handed to the kernel."),
        .may("priority", \.priority, .choice, "interactive or batch (default)."),
        .may(
            "attempts", \.attemptsMax, .integer(1...Limits.attemptsMax),
            "A task that failed so often has failed for good, 1 to 100; default 5, of container and exec 1."),
        .may(
            "retryDelay", \.retryDelay, .seconds(0...Limits.retryDelaySecondsMax),
            "Seconds that a failed task rests before it is tried again, 0 to 3600, default 1; then twice as long each"
                + " time, at most 60.", when: { $0.retryDelay != Limits.retryDelayDefault }),
        .may(
            "atMost", \.atMost, .integer(1...Limits.jobTasksMax),
            "So many of its tasks run at one time; default: as many as there are slots."),
        .may(
            "copies", \.mayCopy, .boolean,
            "Whether idle workers may compute again what others are slow with; default true, of container and exec false."
        ),
        .may("quorum", \.quorum, .quorum, "k/n: each task counts when k of at first n machines agree on it."),
        .may(
            "name", \.name, .shown, "What people call it: at most 128 bytes; empty for none.",
            when: { !$0.name.isEmpty }),
        .may(
            "timeoutSeconds", \.timeoutSeconds, .number(Limits.timeoutSecondsMin...Limits.timeoutSecondsMax),
            "An attempt at a task that takes longer has failed; 0.1 to 2592000."),
        .may("needs", \.needs, .object, "What each task needs of the worker that runs it; default: one cpu."),
        .may(
            "startDelay", \.startDelay, .seconds(Limits.startDelaySecondsMin...Limits.startDelaySecondsMax),
            "At least so many seconds between two starts of its tasks, over the whole fleet; 0.01 to 3600."),
        .may(
            "failIfImpossible", \.failsIfImpossible, .boolean,
            "Refuse the job where no worker could ever run it, default false: then it waits for one that can.",
            when: \.failsIfImpossible),
        .part(\.after),
        .may(
            "owner", \.owner, .shown(upTo: Limits.ownerBytesMax), "Whose it is: at most 64 bytes; empty for nobody's.",
            when: { !$0.owner.isEmpty }),
        .may(
            "rerun", \.reruns, .boolean,
            "Whether a task that is lost with its worker is run again, default true; else it has failed.",
            when: { !$0.reruns }),
        .may(
            "halt", \.halt, haltKind,
            "When nothing more of it is begun (soon), and what runs is ended (now): soon,fail=3."
        ),
    ]

    package mutating func check() throws(Problem) {
        for (text, field) in [(name, "name"), (owner, "owner")] {
            guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }),
                text.isEmpty || !text.allSatisfy(\.isWhitespace)
            else {
                throw Problem(
                    422, "\"\(field)\" must hold more than blanks, and no control characters; leave it out for none.",
                    code: "field")
            }
        }
        if let inputs {
            guard count == 0 || count == inputs.count else {
                throw Problem(422, "\"count\" is \(count), but there are \(inputs.count) inputs; leave \"count\" out.")
            }
            guard inputs.count > 0 else {
                throw Problem(422, "\"inputs\" is empty; a job has at least one task.", code: "field")
            }
            count = inputs.count
        }
        guard count > 0 else {
            throw Problem(422, "A job needs \"count\" (how many tasks) or \"inputs\" (one a task).", code: "field")
        }
        if needs?.areUsual == true { needs = nil }
        guard quorum == nil || count <= Limits.quorumTasksMax else {
            throw Problem(
                422, "A job with a quorum has at most \(Limits.quorumTasksMax) tasks, not \(count).", code: "field")
        }
    }
}

extension WireKind where Value == [UInt8] {
    fileprivate static var params: WireKind {
        anyObject.as(
            from: { bytes, name throws(Problem) in
                guard bytes.count <= Limits.paramsBytesMax else {
                    throw Problem(422, "\"\(name)\" has \(bytes.count) bytes; at most \(Limits.paramsBytesMax).")
                }
                return bytes
            }, to: { $0 })
    }
}

extension WireKind where Value == Duration {
    /// To the millisecond.
    fileprivate static func seconds(_ range: ClosedRange<Double>) -> WireKind {
        WireKind<Double>.number(range).as(
            from: { seconds, _ in .milliseconds(Int64((seconds * 1_000).rounded())) }, to: \.inSeconds)
    }
}

private let haltKind = WireKind<String>.text(1...HaltRule.bytesMax, pattern: HaltRule.pattern).as(
    HaltRule.Condition.self,
    from: { text, name throws(Problem) in
        if text.contains("="), let condition = HaltRule(parsing: text)?.condition { return condition }
        throw Problem(422, "\"\(name)\" is \(HaltRule.form), not \"\(text)\".", code: "field")
    }, to: \.text)

extension WireKind where Value == Quorum {
    fileprivate static var quorum: WireKind {
        WireKind<String>.text(3...5, reading: Limits.nameBytesMax, pattern: "^[0-9]{1,2}/[0-9]{1,2}$")
            .as(from: Self.read, to: \.description)
    }

    fileprivate static var told: WireKind {
        WireKind(.prose) { fields, name throws(Problem) in
            try fields.string(name).flatMap { Quorum($0) }
        } write: {
            $1.value($0.description)
        }
    }

    private static func read(_ text: String, _ name: String) throws(Problem) -> Quorum {
        guard let quorum = Quorum(text) else {
            throw Problem(
                422,
                "\"\(name)\" is k/n with 1 <= k <= n <= \(Quorum.votersMax) and k more than half of n, like 2/3, not "
                    + "\"\(text.prefix(80))\".", code: "field")
        }
        return quorum
    }
}

/// A job as clients see it.
package struct JobStatus: Hashable, WireType, WireListed {
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
    /// What each task needs; nil: one cpu and nothing else.
    package var needs: Needs?
    /// Jobs that it waits for, or did.
    package var after = Prerequisites()
    /// Why the fleet cancelled it; empty where it did not.
    package var reason = ""
    /// Whose it is; empty: not said.
    package var owner = ""
    /// Whether a task that is lost with its worker is run again.
    package var reruns = true
    /// At least so long between two starts of its tasks; nil: they start as they can.
    package var startDelay: Duration?
    package var halt: HaltRule.Condition?

    package init(
        id: JobID, kernel: String, state: JobState, count: Int, done: Int, failed: Int, workers: [String: Int],
        seconds: Double, priority: Priority, quorum: Quorum? = nil, waiting: String? = nil
    ) {
        (self.id, self.kernel, self.state, self.count) = (id, kernel, state, count)
        (self.done, self.failed, self.workers, self.seconds) = (done, failed, workers, seconds)
        (self.priority, self.quorum, self.waiting) = (priority, quorum, waiting)
    }

    package static let place = "job."
    package static let blank = JobStatus(
        id: JobID(0), kernel: "", state: .queued, count: 0, done: 0, failed: 0, workers: [:], seconds: 0,
        priority: .batch)
    package static let schemaName = "Job"
    package static let listName = "jobs"
    package static let listSchemaName = "Jobs"
    package static let listFields = madeListFields
    package static let fields: [WireField<JobStatus>] = [
        .must("id", \.id, .id),
        .may("name", \.name, .prose, "What people call it.", when: { !$0.name.isEmpty }),
        .always("kernel", \.kernel, .prose),
        .must("state", \.state, .choice),
        .always("count", \.count, .integer, "Tasks."),
        .always("done", \.done, .integer, "Tasks with a value."),
        .always("failed", \.failed, .integer, "Tasks that failed for good."),
        .always("workers", \.workers, counts, "Recorded tasks by worker name."),
        .always("seconds", \.seconds, .seconds, "From submission to the end, or to now."),
        .may("created", \.created, .seconds, "Since 1970.", when: { $0.created > 0 }),
        .may("timeoutSeconds", \.timeoutSeconds, .seconds, "How long an attempt at a task may take."),
        .always("priority", \.priority, .choice),
        .may("waiting", \.waiting, .prose(upTo: 4_096), "Why nothing of it can be done now."),
        .may("quorum", \.quorum, .told),
        .may("needs", \.needs, .object, "What each task needs of the worker that runs it."),
        .part(\.after),
        .may(
            "reason", \.reason, .prose(upTo: 4_096), "Why the fleet cancelled it.", when: { !$0.reason.isEmpty }),
        .may("owner", \.owner, .prose, "Whose it is.", when: { !$0.owner.isEmpty }),
        .may(
            "rerun", \.reruns, .boolean, "Whether a task that is lost with its worker is run again.",
            when: { !$0.reruns }),
        .may("startDelay", \.startDelay, .seconds(0...1e9), "Seconds between two starts of its tasks."),
        .may("halt", \.halt, haltKind, "When it ends before its end."),
    ]
}

extension JobStatus {
    /// By name; nothing without one is written, and nothing but counts is read.
    private static var counts: WireKind<[String: Int]> {
        WireKind<[String: Int]>(.map(.integer)) { fields, name throws(Problem) in
            guard let value = fields.value(name) else { return nil }
            guard let members = value.members else { throw fields.wrong(name, value, "an object") }
            return members.reduce(into: [:]) { $0[$1.key] = $1.value.int }
        } write: { counts, json in
            json.beginObject()
            for name in counts.keys.sorted() where !name.isEmpty {
                json.key(named: name)
                json.value(counts[name]!)
            }
            json.endObject()
        }
    }
}
