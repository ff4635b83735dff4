package import MusterCore
package import MusterWire

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
package struct TokenStatus: Hashable, WireType, WireListed {
    package var id: Int64
    /// Nil but in the answer to its making.
    package var token: String?
    package var label: String
    /// In seconds since 1970.
    package var created: Double
    /// The same; nil while it is good.
    package var revoked: Double?
    /// Members that are here by it.
    package var members: Int

    package init(record: JoinTokenRecord, token: String? = nil, members: Int = 0) {
        (id, self.token, label, self.members) = (record.id, token, record.label, members)
        (created, revoked) = (Double(record.createdMs) / 1_000, record.revokedMs.map { Double($0) / 1_000 })
    }

    private init() { (id, label, created, members) = (0, "", 0, 0) }

    package static let blank = TokenStatus()
    package static let schemaName = "Token"
    package static let listName = "tokens"
    package static let listSchemaName = "Tokens"
    package static let listFields = madeListFields
    package static let fields: [WireField<TokenStatus>] = [
        .always("id", \.id, .integer(1...Int.max)),
        .may("token", \.token, .prose, "What proves it; only in the answer to its making."),
        .always("label", \.label, .prose),
        .always("created", \.created, .seconds),
        .always("revoked", \.revoked, .seconds),
        .always("members", \.members, .integer, "Members that are here by it."),
    ]
}

/// A machine and what it did, in `GET /v1/machines`.
package struct MachineStatus: Hashable, WireType, WireListed {
    /// `trusted` for the fleet's own; of volunteers: `new` while each result is checked, `proven`, or `distrusted`.
    package enum State: String, CaseIterable, Sendable { case trusted, new, proven, distrusted }

    package var machine: String
    /// Of its last worker.
    package var name: String
    /// The id of the volunteer's token that it came by; nil for the fleet's own.
    package var token: Int64?
    /// A `State`, or one that only later versions know.
    package var state: String
    package var tasks: Int
    /// Of computing.
    package var seconds: Double
    /// Results that others confirmed, and that they refuted.
    package var accepted: Int
    package var rejected: Int
    /// 0…1.
    package var reliability: Double
    /// The share of its results that are checked. 0…1.
    package var checked: Double
    /// Joinings of its workers so far.
    package var joins: Int
    /// Its members that are here now.
    package var members: Int
    /// In seconds since 1970.
    package var firstSeen: Double
    package var lastSeen: Double
    package var version: String

    package init(record: MachineRecord, state: State, checked: Double, members: Int) {
        (machine, name, token, self.state) = (record.id.rawValue, record.name, record.token, state.rawValue)
        (tasks, seconds, joins, self.members) = (record.tasks, record.seconds, record.joins, members)
        (accepted, rejected) = (record.standing.confirmed, record.standing.refuted)
        (reliability, self.checked) = (max(0, 1 - record.standing.errors), checked)
        (firstSeen, lastSeen) = (Double(record.firstSeenMs) / 1_000, Double(record.lastSeenMs) / 1_000)
        version = record.version
    }

    private init() {
        (machine, name, state, tasks, seconds, accepted, rejected) = ("", "", "", 0, 0, 0, 0)
        (reliability, checked, joins, members, firstSeen, lastSeen, version) = (0, 0, 0, 0, 0, 0, "")
    }

    package static let blank = MachineStatus()
    package static let schemaName = "Machine"
    package static let listName = "machines"
    package static let listSchemaName = "Machines"
    package static let listFields = madeListFields
    package static let fields: [WireField<MachineStatus>] = [
        .always("machine", \.machine, .prose),
        .always("name", \.name, .prose),
        .always("token", \.token, .integer),
        .always("state", \.state, .word(of: State.self)),
        .always("tasks", \.tasks, .integer),
        .always("seconds", \.seconds, .seconds),
        .always("accepted", \.accepted, .integer),
        .always("rejected", \.rejected, .integer),
        .always("reliability", \.reliability, .number(0...1)),
        .always("checked", \.checked, .number(0...1)),
        .always("joins", \.joins, .integer),
        .always("members", \.members, .integer),
        .always("firstSeen", \.firstSeen, .seconds),
        .always("lastSeen", \.lastSeen, .seconds),
        .always("version", \.version, .prose),
    ]
}
