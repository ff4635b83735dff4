package import MusterAPI
internal import MusterCore
internal import MusterJSON
package import MusterOverview
internal import MusterWire

/// The whole fleet as one page shows it: the answer to `GET /v1/overview`.
package struct Overview: Sendable {
    /// So many members and jobs are told of, those of highest rank and the newest; `counts` tell of all.
    package static let membersMax = 10_000
    package static let jobsMax = 10_000
    /// Of jobs that are over, which are in the store.
    package static let endedJobsMax = 200
    /// The latest, of the fleet.
    package static let eventsMax = 200

    /// A member, and what it holds.
    package struct Member: Sendable {
        package var status: MemberStatus
        package var doing: OverviewLook.Doing?

        package init(_ status: MemberStatus, doing: OverviewLook.Doing?) { (self.status, self.doing) = (status, doing) }
    }

    /// What counts and gauges say of the whole fleet, each since the coordinator's start.
    package struct Counts: Hashable, Sendable {
        package var members = 0
        package var unfinishedJobs = 0
        package var tasksWaiting = 0
        package var tasksLeased = 0
        package var tasksRecorded = 0
        package var tasksFailed = 0
        package var tasksRetried = 0
        package var leasesExpired = 0

        package init() {}

        func write(to json: inout JSONWriter) {
            json.key("counts")
            json.beginObject()
            json.field("members", members)
            json.field("unfinishedJobs", unfinishedJobs)
            json.field("tasksWaiting", tasksWaiting)
            json.field("tasksLeased", tasksLeased)
            json.field("tasksRecorded", tasksRecorded)
            json.field("tasksFailed", tasksFailed)
            json.field("tasksRetried", tasksRetried)
            json.field("leasesExpired", leasesExpired)
            json.endObject()
        }
    }

    /// A page that knows it applies changes of higher numbers.
    package var number: UInt64
    /// Seconds since 1970.
    package var time: Double
    package var version: String
    /// Why the store refuses writes; nil: it takes them.
    package var trouble: String?
    package var counts = Counts()
    package var numbers = NumbersProgress.blank
    package var curve: [GrowthCurve.Point] = []
    /// Who leads the edges, as they tell it.
    package var leader: [UInt8]?
    package var members: [Member] = []
    /// Newest first, without what each worker did of them.
    package var jobs: [JobStatus] = []
    package var events: [OverviewEvent] = []

    package init(number: UInt64, time: Double, version: String) {
        (self.number, self.time, self.version) = (number, time, version)
    }

    package var body: [UInt8] {
        var json = JSONWriter(reserving: 4_096 + 400 * (members.count + jobs.count))
        json.beginObject()
        json.field("number", number)
        json.field("time", time)
        json.field("version", version)
        json.key("trouble")
        if let trouble { json.value(trouble) } else { json.null() }
        counts.write(to: &json)
        json.key("numbers")
        numbers.write(to: &json)
        json.key("curve")
        json.beginArray()
        for point in curve {
            json.beginArray()
            json.value(point.time)
            json.value(point.unique)
            json.value(point.recorded)
            json.endArray()
        }
        json.endArray()
        json.key("leader")
        if let leader { json.raw(leader) } else { json.null() }
        json.key("members")
        json.beginArray()
        for member in members { member.status.write(to: &json) }
        json.endArray()
        json.key("doing")
        json.beginArray()
        for member in members where member.doing != nil { Self.write(member.status.id, member.doing, to: &json) }
        json.endArray()
        json.key("jobs")
        json.beginArray()
        for job in jobs { job.write(to: &json) }
        json.endArray()
        OverviewEvent.write(events, to: &json)
        json.endObject()
        return json.bytes
    }

    /// `[member, job, tasks]`; job 0: it holds nothing.
    static func write(_ member: MemberID, _ doing: OverviewLook.Doing?, to json: inout JSONWriter) {
        json.beginArray()
        json.value(member.rawValue)
        json.value(doing?.job.rawValue ?? 0)
        json.value(doing?.tasks ?? 0)
        json.endArray()
    }
}

/// Something that happened in the fleet, as `/v1/events` tells it, and when.
package struct OverviewEvent: Hashable, Sendable {
    /// Seconds since 1970.
    package var time: Double
    package var name: String
    /// A JSON object.
    package var data: [UInt8]

    package init(time: Double, name: String, data: [UInt8]) { (self.time, self.name, self.data) = (time, name, data) }

    static func write(_ events: [OverviewEvent], to json: inout JSONWriter) {
        json.key("events")
        json.beginArray()
        for event in events {
            json.beginObject()
            json.field("time", event.time)
            json.field("event", event.name)
            json.field("data", raw: event.data)
            json.endObject()
        }
        json.endArray()
    }
}
