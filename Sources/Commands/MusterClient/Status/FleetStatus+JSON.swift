internal import MusterAPI
internal import MusterCore
internal import MusterJSON
internal import MusterWire

extension FleetStatus {
    /// One object, for programs. What is long in it (jobs, members that are not alive) has the bounds that the lists have.
    package var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("coordinator", url)
        json.field("ready", isReady)
        write(members: &json)
        if let scale {
            json.key("scale")
            scale.write(to: &json)
        }
        write(work: &json)
        write(edges: &json)
        json.key("children")
        json.beginObject()
        json.field("waiting", numbers.childrenWaiting)
        json.field("live", numbers.childrenLive)
        json.field("done", numbers.childrenDone)
        json.field("died", numbers.childrenDied)
        json.field("failed", numbers.childrenFailed)
        json.field("uniqueNumbers", numbers.unique)
        json.endObject()
        json.field("storeInTrouble", metric("store_in_trouble") > 0)
        json.key("limits")
        json.beginArray()
        for limit in limits { limit.write(to: &json) }
        json.endArray()
        json.key("warnings")
        json.beginArray()
        for warning in warnings { json.value(warning) }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static let namedInJSONMax = 1_000

    private func write(members json: inout JSONWriter) {
        json.key("members")
        json.beginObject()
        json.field("count", members.count)
        json.field("slots", slots)
        json.key("roles")
        json.beginObject()
        for (role, count) in roles {
            json.key(named: role)
            json.value(count)
        }
        json.endObject()
        json.key("notAlive")
        json.beginArray()
        for member in members.filter({ !$0.isAlive }).prefix(Self.namedInJSONMax) {
            json.beginObject()
            json.field("name", member.name)
            json.field("role", member.role)
            json.field("state", member.state)
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    private func write(work json: inout JSONWriter) {
        json.key("work")
        json.beginObject()
        json.field("jobs", metric("jobs_unfinished"))
        json.field("tasksWaiting", metric("tasks_waiting"))
        json.field("tasksRunning", metric("tasks_leased"))
        if let perSecond { json.field("perSecond", perSecond) }
        json.key("unfinished")
        json.beginArray()
        for job in jobs { job.write(to: &json) }
        json.endArray()
        json.endObject()
    }

    private func write(edges json: inout JSONWriter) {
        json.key("edges")
        json.beginObject()
        json.key("leader")
        if let leader { json.value(leader.edge) } else { json.null() }
        json.field("hits", hits)
        json.field("misses", misses)
        json.key("listed")
        json.beginArray()
        for edge in edges {
            json.beginObject()
            json.field("name", edge.member.name)
            if let url = edge.member.url { json.field("url", url) }
            if let report = edge.report {
                json.key("leader")
                if let leader = report.leader { json.value(leader) } else { json.null() }
                json.field("term", report.term)
                json.field("hits", report.hits)
                json.field("misses", report.misses)
                json.field("objects", report.objects)
                json.field("bytes", report.bytes)
            }
            if let problem = edge.problem { json.field("problem", problem) }
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }
}
