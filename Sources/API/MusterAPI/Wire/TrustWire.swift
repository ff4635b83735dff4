package import MusterCore

/// `POST /v1/tokens`: a join token for a volunteer.
package struct TokenRequest: Hashable, Sendable {
    /// For people; not unique.
    package var label: String

    package init(label: String) { self.label = label }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body, emptyAllowed: true)
        label = try fields.string("label") ?? ""
        try fields.finish()
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("label", label)
        json.endObject()
        return json.bytes
    }
}

/// A volunteer's token as people see it. What proves it is told once, to whoever asked for it.
package struct TokenStatus: Hashable, Sendable {
    package var record: JoinTokenRecord
    /// Nil but in the answer to its making.
    package var token: String?
    /// Members that are here by it.
    package var members: Int

    package init(record: JoinTokenRecord, token: String? = nil, members: Int = 0) {
        self.record = record
        self.token = token
        self.members = members
    }

    package func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("id", record.id)
        if let token { json.field("token", token) }
        json.field("label", record.label)
        json.field("created", Double(record.createdMs) / 1_000)
        json.key("revoked")
        if let revoked = record.revokedMs { json.value(Double(revoked) / 1_000) } else { json.null() }
        json.field("members", members)
        json.endObject()
    }
}

/// A machine and what it did, in `GET /v1/machines`.
package struct MachineStatus: Hashable, Sendable {
    /// `trusted` for the fleet's own; of volunteers: `new` while each result is checked, `proven`, or `distrusted`.
    package enum State: String, CaseIterable, Sendable { case trusted, new, proven, distrusted }

    package var record: MachineRecord
    package var state: State
    /// The share of its results that are checked. 0…1.
    package var checked: Double
    /// Its members that are here now.
    package var members: Int

    package init(record: MachineRecord, state: State, checked: Double, members: Int) {
        self.record = record
        self.state = state
        self.checked = checked
        self.members = members
    }

    package func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("machine", record.id.rawValue)
        json.field("name", record.name)
        json.key("token")
        if let token = record.token { json.value(token) } else { json.null() }
        json.field("state", state.rawValue)
        json.field("tasks", record.tasks)
        json.field("seconds", record.seconds)
        json.field("accepted", record.standing.confirmed)
        json.field("rejected", record.standing.refuted)
        json.field("reliability", max(0, 1 - record.standing.errors))
        json.field("checked", checked)
        json.field("joins", record.joins)
        json.field("members", members)
        json.field("firstSeen", Double(record.firstSeenMs) / 1_000)
        json.field("lastSeen", Double(record.lastSeenMs) / 1_000)
        json.field("version", record.version)
        json.endObject()
    }
}
