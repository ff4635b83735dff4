package import MusterCore
internal import MusterJSON
package import MusterOverview
package import MusterWire

/// The whole fleet as one page shows it: the answer to `GET /v1/overview`.
package struct Overview: Sendable {
    /// So many members and jobs are told of, those of highest rank and the newest; the counts tell of all.
    package static let membersMax = 10_000
    package static let jobsMax = 10_000
    /// Of jobs that are over, which are in the store.
    package static let endedJobsMax = 200
    /// The latest, of the fleet.
    package static let eventsMax = 200

    package var head: OverviewHead
    package var version: String
    package var curve: [GrowthCurve.Point] = []
    /// Who leads the edges, as they tell it.
    package var leader: EdgeLeadership?
    package var members: [MemberStatus] = []
    /// Of members that hold something.
    package var doing: [OverviewDoing] = []
    /// Newest first, without what each worker did of them.
    package var jobs: [JobStatus] = []
    package var events: [OverviewEvent] = []

    package init(_ head: OverviewHead, version: String) { (self.head, self.version) = (head, version) }
}

extension Overview: WireType {
    package var bytesExpected: Int { 4_096 + 400 * (members.count + jobs.count) }
    package static let blank = Overview(.blank, version: "")
    package static let schemaName = "Overview"
    package static let fields: [WireField<Overview>] = [
        .part(\.head),
        .always("version", \.version, .prose),
        .always(
            "curve", \.curve,
            .rows(.number, width: 3) { row in
                guard let (time, unique, recorded) = row.three(\.double, \.int, \.int) else { return nil }
                return GrowthCurve.Point(time: time, unique: unique, recorded: recorded)
            } write: { point, json in
                json.value(point.time)
                json.value(point.unique)
                json.value(point.recorded)
            }, "Of each point: when, in seconds since 1970; unique numbers of children; results since the start."),
        .always("leader", \.leader, .object, "Who leads the edges, as they tell it."),
        .always("members", \.members, .objects(), "By rank, then those without one."),
        .always("doing", \.doing, OverviewDoing.rows, OverviewDoing.summary),
        .always("jobs", \.jobs, .objects(), "Unfinished ones and the latest that are over, newest first."),
        .always("events", \.events, .objects(), "What happened lately, oldest first."),
    ]
}

/// What all open pages are told: one event `change` of `GET /v1/overview/events`. What is not in it is as it was.
package struct OverviewNews: Sendable {
    package var head: OverviewHead
    package var members: [MemberStatus] = []
    /// All of them, by rank, where somebody came, went or moved up.
    package var order: [MemberID]?
    package var doing: [OverviewDoing] = []
    /// Those that are new, or that began to run or to wait; how jobs ended, for as many as one look takes up.
    package var jobs: [JobStatus] = []
    package var progress: [OverviewProgress] = []
    /// Jobs that are unfinished no more.
    package var over: [JobID] = []
    /// Jobs that are nowhere any more.
    package var forgotten: [JobID] = []
    package var leader: EdgeLeadership?
    package var events: [OverviewEvent] = []

    package init(_ head: OverviewHead) { self.head = head }

    /// Without the members and jobs that are told whole.
    package init(_ head: OverviewHead, _ change: OverviewChange) {
        self.head = head
        (order, over) = (change.order, change.over)
        doing = change.doing.map { OverviewDoing($0.key, $0.value) }
        progress = change.progress.map { OverviewProgress(job: $0.key, done: $0.value.done, failed: $0.value.failed) }
    }
}

extension OverviewNews: WireType {
    package var bytesExpected: Int { 1_024 + 300 * (members.count + jobs.count) }
    package static let blank = OverviewNews(.blank)
    package static let fields: [WireField<OverviewNews>] = [
        .part(\.head),
        .may("leader", \.leader, .object),
        .may("members", \.members, .objects(), when: { !$0.members.isEmpty }),
        .may("order", \.order, .ids()),
        .may("doing", \.doing, OverviewDoing.rows, OverviewDoing.summary, when: { !$0.doing.isEmpty }),
        .may("jobs", \.jobs, .objects(), when: { !$0.jobs.isEmpty }),
        .may("progress", \.progress, OverviewProgress.rows, when: { !$0.progress.isEmpty }),
        .may("over", \.over, .ids(), when: { !$0.over.isEmpty }),
        .may("forgotten", \.forgotten, .ids(), when: { !$0.forgotten.isEmpty }),
        .may("events", \.events, .objects(), when: { !$0.events.isEmpty }),
    ]
}

/// With what an overview and each change of it begin.
package struct OverviewHead: Sendable {
    /// A page that knows it applies changes of higher numbers.
    package var number: UInt64
    /// Seconds since 1970.
    package var time: Double
    /// Why the store refuses writes; nil: it takes them.
    package var trouble: String?
    package var counts: OverviewCounts
    package var numbers = NumbersProgress.blank
    /// How many launched workers there are, and why; nil: as many as people asked for.
    package var scale: ScaleReply?

    package init(number: UInt64, time: Double, counts: OverviewCounts = OverviewCounts()) {
        (self.number, self.time, self.counts) = (number, time, counts)
    }
}

extension OverviewHead: WireType {
    package static let blank = OverviewHead(number: 0, time: 0)
    package static let fields: [WireField<OverviewHead>] = [
        .must("number", \.number, .integer, "Changes of higher numbers come behind this."),
        .always("time", \.time, .seconds),
        .always("trouble", \.trouble, .prose(upTo: 64 << 10), "Why the store refuses writes; null: it takes them."),
        .always("counts", \.counts, .object),
        .always("numbers", \.numbers, .object),
        .may(
            "scale", \.scale, .object, "Launched workers, where there are as many as the queue needs, and why so many."),
    ]
}

/// What counts and gauges say of the whole fleet, each since the coordinator's start.
package struct OverviewCounts: Hashable, WireType {
    package var members = 0
    package var unfinishedJobs = 0
    package var tasksWaiting = 0
    package var tasksLeased = 0
    package var tasksRecorded = 0
    package var tasksFailed = 0
    package var tasksRetried = 0
    package var leasesExpired = 0

    package init() {}

    package static let blank = OverviewCounts()
    package static let fields: [WireField<OverviewCounts>] = [
        .always("members", \.members, .integer), .always("unfinishedJobs", \.unfinishedJobs, .integer),
        .always("tasksWaiting", \.tasksWaiting, .integer), .always("tasksLeased", \.tasksLeased, .integer),
        .always("tasksRecorded", \.tasksRecorded, .integer), .always("tasksFailed", \.tasksFailed, .integer),
        .always("tasksRetried", \.tasksRetried, .integer), .always("leasesExpired", \.leasesExpired, .integer),
    ]
}

/// Something that happened in the fleet, as `/v1/events` tells it, and when.
package struct OverviewEvent: Hashable, WireType {
    /// Seconds since 1970.
    package var time: Double
    package var name: String
    /// A JSON object.
    package var data: [UInt8]

    package init(time: Double, name: String, data: [UInt8]) { (self.time, self.name, self.data) = (time, name, data) }

    package static let blank = OverviewEvent(time: 0, name: "", data: Array("{}".utf8))
    package static let fields: [WireField<OverviewEvent>] = [
        .always("time", \.time, .seconds), .always("event", \.name, .prose), .always("data", \.data, .anyObject),
    ]
}

/// What a member holds: tasks of one job, or of the first of several.
package struct OverviewDoing: Hashable, Sendable {
    package var member: MemberID
    /// Nil: it holds nothing now.
    package var doing: OverviewLook.Doing?

    package init(_ member: MemberID, _ doing: OverviewLook.Doing?) { (self.member, self.doing) = (member, doing) }

    fileprivate static let summary =
        "Of each: the member, the job of which it holds tasks, and how many; job 0: it holds none."
    fileprivate static let rows: WireKind<[OverviewDoing]> = .rows(.integer, width: 3) { row in
        guard let (member, job, tasks) = row.three(\.int, \.int, \.int) else { return nil }
        let doing = job == 0 ? nil : OverviewLook.Doing(job: JobID(Int64(job)), tasks: tasks)
        return OverviewDoing(MemberID(Int64(member)), doing)
    } write: { row, json in
        json.value(row.member.rawValue)
        json.value(row.doing?.job.rawValue ?? 0)
        json.value(row.doing?.tasks ?? 0)
    }
}

/// Counts of a job that went on.
package struct OverviewProgress: Hashable, Sendable {
    package var job: JobID
    package var done: Int
    package var failed: Int

    package init(job: JobID, done: Int, failed: Int) { (self.job, self.done, self.failed) = (job, done, failed) }

    fileprivate static let rows: WireKind<[OverviewProgress]> = .rows(.integer, width: 3) { row in
        guard let (job, done, failed) = row.three(\.int, \.int, \.int) else { return nil }
        return OverviewProgress(job: JobID(Int64(job)), done: done, failed: failed)
    } write: { row, json in
        json.value(row.job.rawValue)
        json.value(row.done)
        json.value(row.failed)
    }
}

extension WireKind {
    /// An array of rows, each an array of so many values: what there are thousands of, without names.
    fileprivate static func rows<Row>(
        _ value: Schema, width: Int, read: @escaping @Sendable ([JSONValue]) -> Row?,
        write: @escaping @Sendable (Row, inout JSONWriter) -> Void
    ) -> WireKind where Value == [Row] {
        .values(.list(value, width...width), "an array of \(width) values") {
            $0.elements.flatMap { $0.count == width ? read($0) : nil }
        } write: {
            $1.beginArray()
            write($0, &$1)
            $1.endArray()
        }
    }
}

extension [JSONValue] {
    fileprivate func three<A, B, C>(
        _ first: (JSONValue) -> A?, _ second: (JSONValue) -> B?, _ third: (JSONValue) -> C?
    ) -> (A, B, C)? {
        guard count == 3, let one = first(self[0]), let two = second(self[1]), let three = third(self[2]) else {
            return nil
        }
        return (one, two, three)
    }
}
