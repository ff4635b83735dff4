package import MusterCore

/// `POST /v1/tokens`: a join token for a volunteer.
package struct TokenRequest: Hashable, WireRequest {
    package var label: String

    package init(label: String) { self.label = label }

    package static let mayBeEmpty = true
    package static let blank = TokenRequest(label: "")
    package static let fields: [WireField<TokenRequest>] = [
        .may("label", \.label, .string, "For people: whose it is.")
    ]
}

/// A volunteer's token as people see it. What proves it is told once, to whoever asked for it.
package struct TokenStatus: Hashable, WireListed {
    package var record: JoinTokenRecord
    /// Nil but in the answer to its making.
    package var token: String?
    /// Members that are here by it.
    package var members: Int

    package init(record: JoinTokenRecord, token: String? = nil, members: Int = 0) {
        (self.record, self.token, self.members) = (record, token, members)
    }

    package static let schemaName = "Token"
    package static let listName = "tokens"
    package static let listSchemaName = "Tokens"
    package static let fields: [WireField<TokenStatus>] = [
        .always("id", \.record.id, .integer(1...Int.max)),
        .may("token", \.token, .prose, "What proves it; only in the answer to its making."),
        .always("label", \.record.label, .prose),
        .always("created", \.record.createdMs, .moment),
        .always("revoked", \.record.revokedMs, .moment),
        .always("members", \.members, .integer, "Members that are here by it."),
    ]
}

/// A machine and what it did, in `GET /v1/machines`.
package struct MachineStatus: Hashable, WireListed {
    /// `trusted` for the fleet's own; of volunteers: `new` while each result is checked, `proven`, or `distrusted`.
    package enum State: String, CaseIterable, Sendable { case trusted, new, proven, distrusted }

    package var record: MachineRecord
    package var state: State
    /// The share of its results that are checked. 0…1.
    package var checked: Double
    /// Its members that are here now.
    package var members: Int

    package init(record: MachineRecord, state: State, checked: Double, members: Int) {
        (self.record, self.state, self.checked, self.members) = (record, state, checked, members)
    }

    package static let schemaName = "Machine"
    package static let listName = "machines"
    package static let listSchemaName = "Machines"
    package static let fields: [WireField<MachineStatus>] = [
        .told("machine", { $0.record.id.rawValue }, .prose),
        .always("name", \.record.name, .prose),
        .always("token", \.record.token, .integer),
        .always("state", \.state, .choice),
        .always("tasks", \.record.tasks, .integer),
        .always("seconds", \.record.seconds, .seconds),
        .told("accepted", { $0.record.standing.confirmed }, .integer),
        .told("rejected", { $0.record.standing.refuted }, .integer),
        .told("reliability", { max(0, 1 - $0.record.standing.errors) }, .number(0...1)),
        .always("checked", \.checked, .number(0...1)),
        .always("joins", \.record.joins, .integer),
        .always("members", \.members, .integer),
        .always("firstSeen", \.record.firstSeenMs, .moment),
        .always("lastSeen", \.record.lastSeenMs, .moment),
        .always("version", \.record.version, .prose),
    ]
}
