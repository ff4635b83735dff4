package import MusterAPI
internal import MusterCore
package import MusterJSON
package import MusterOverview
internal import MusterWire

/// What all open pages are told: one event `change` of `GET /v1/overview/events`. Made once, sent to each.
package struct OverviewNews: Sendable {
    package var number: UInt64
    package var time: Double
    package var change: OverviewChange
    package var counts: Overview.Counts
    package var trouble: String?
    package var numbers = NumbersProgress.blank
    package var members: [MemberStatus] = []
    package var jobs: [JobStatus] = []
    package var leader: [UInt8]?
    package var events: [OverviewEvent] = []

    package init(number: UInt64, time: Double, change: OverviewChange, counts: Overview.Counts) {
        (self.number, self.time, self.change, self.counts) = (number, time, change, counts)
    }

    package var json: JSONWriter {
        var json = JSONWriter(reserving: 1_024 + 300 * (members.count + jobs.count))
        json.beginObject()
        json.field("number", number)
        json.field("time", time)
        json.key("trouble")
        if let trouble { json.value(trouble) } else { json.null() }
        counts.write(to: &json)
        json.key("numbers")
        numbers.write(to: &json)
        if let leader { json.field("leader", raw: leader) }
        writeMembers(to: &json)
        writeJobs(to: &json)
        if !events.isEmpty { OverviewEvent.write(events, to: &json) }
        json.endObject()
        return json
    }

    private func writeMembers(to json: inout JSONWriter) {
        if !members.isEmpty {
            json.key("members")
            json.beginArray()
            for member in members { member.write(to: &json) }
            json.endArray()
        }
        if let order = change.order {
            json.key("order")
            json.beginArray()
            for id in order { json.value(id.rawValue) }
            json.endArray()
        }
        guard !change.doing.isEmpty else { return }
        json.key("doing")
        json.beginArray()
        for (id, doing) in change.doing { Overview.write(id, doing, to: &json) }
        json.endArray()
    }

    /// `progress`: `[job, done, failed]` each. `over`: jobs that are unfinished no more; how they ended is among `jobs`, for as
    /// many as one look takes up.
    private func writeJobs(to json: inout JSONWriter) {
        if !jobs.isEmpty {
            json.key("jobs")
            json.beginArray()
            for job in jobs { job.write(to: &json) }
            json.endArray()
        }
        if !change.progress.isEmpty {
            json.key("progress")
            json.beginArray()
            for (id, job) in change.progress {
                json.beginArray()
                json.value(id.rawValue)
                json.value(job.done)
                json.value(job.failed)
                json.endArray()
            }
            json.endArray()
        }
        guard !change.over.isEmpty else { return }
        json.key("over")
        json.beginArray()
        for id in change.over { json.value(id.rawValue) }
        json.endArray()
    }
}
