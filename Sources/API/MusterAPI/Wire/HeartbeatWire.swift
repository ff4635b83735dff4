package import MusterCore
internal import MusterJSON
package import MusterScheduling
package import MusterWire

/// `POST /v1/members/{id}/heartbeat`: a sign of life that renews leases.
package struct Heartbeat: Hashable, WireRequest {
    package var leases: [LeaseKey]
    /// The member has all commands up to this one; nil says nothing about them.
    package var acknowledged: CommandID?
    /// What of its leases the member does not begin, as what it is at takes long.
    package var returned: [ReturnedTasks] = []
    /// Of an edge: who leads the edges, as far as it knows; nil says nothing about it.
    package var leadership: EdgeLeadership?
    /// Over a WebSocket: by which its answer is known; nil wants none.
    package var number: Int?

    package init(leases: [LeaseKey], acknowledged: CommandID? = nil, leadership: EdgeLeadership? = nil) {
        (self.leases, self.acknowledged, self.leadership) = (leases, acknowledged, leadership)
    }

    package init(body: [UInt8], member: MemberID) throws(Problem) {
        try self.init(JSONFields(body: body, emptyAllowed: true), of: member)
    }

    init(_ fields: JSONFields, of member: MemberID) throws(Problem) {
        try self.init(consuming: fields)
        for place in leases.indices { leases[place].member = member }
        for place in returned.indices { returned[place].key.member = member }
    }

    package static let mayBeEmpty = true
    package static let blank = Heartbeat(leases: [])
    package static let fields: [WireField<Heartbeat>] = [
        .may("leases", \.leases, .objects(countMax: Limits.slotsMax), "Leases that the member holds."),
        .may(
            "acknowledged", \.acknowledged, .id(orNone: true),
            "The last command that it has; it has all before that too."),
        .may(
            "returned", \.returned, .objects(countMax: Limits.slotsMax),
            "What of its leases it does not begin: others may.", when: { !$0.returned.isEmpty }),
        .may("edges", \.leadership, .object, "Of an edge: who leads the edges, as far as it knows."),
        .may(
            "number", \.number, .integer(1...1 << 53),
            "The answer has it too. Over a WebSocket only what has one is answered."),
    ]
}

/// The answer to a `Heartbeat`.
package struct HeartbeatAnswer: Hashable, WireType {
    package var rank: Int?
    package var members: Int
    /// For an edge: where the others are; nil for anybody else.
    package var edges: [String]?
    /// That of the heartbeat.
    package var number: Int?

    package init(rank: Int?, members: Int, edges: [String]?) {
        (self.rank, self.members, self.edges) = (rank, members, edges)
    }

    package static let blank = HeartbeatAnswer(rank: nil, members: 0, edges: nil)
    package static let schemaName = "HeartbeatAnswer"
    package static let fields: [WireField<HeartbeatAnswer>] = [
        .told("success", { _ in true }, .boolean), .may("rank", \.rank, .integer),
        .always("members", \.members, .integer),
        .may("edges", \.edges, urls, "For an edge: where the others are."),
        .may("number", \.number, .integer, "That of the heartbeat."),
    ]

    private static let urls = WireKind<[String]>.values(.prose, "a list of texts", read: \.string) { $1.value($0) }
}
