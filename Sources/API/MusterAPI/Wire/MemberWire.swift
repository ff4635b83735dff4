package import MusterCore
package import MusterMembership
package import MusterWire

/// `POST /v1/members`: a process asks to become a member.
package struct JoinRequest: Hashable, WireRequest {
    package var name: String
    package var role: MemberRole
    package var slots: Int
    package var labels: [String: String]
    package var version: String
    /// Random for each process and told to nobody else. A restart under the same identity is recognised by it, and a
    /// joining that is tried again after its answer was lost gets the same member, from this many bytes up.
    package var incarnation: String
    /// So begin those of members that are known by an address alone; nobody else may call itself so.
    package static let callbackIncarnation = "callback "
    package static let incarnationBytesMin = 16
    /// As they are sent: both, or neither.
    private var id: MemberID?
    private var secret: String?
    /// Where it takes commands (`POST {callback}/receive-command`), a URL without a path; empty for a member that holds
    /// its stream.
    package var callback: String
    /// Empty when it does not say.
    package var machine: String
    /// What a worker has beside its slots; nil where it does not say.
    package var resources: Amounts?

    package init(
        name: String, role: MemberRole, slots: Int, labels: [String: String], version: String, incarnation: String,
        identity: MemberIdentity?, callback: String = "", machine: String = "", resources: Amounts? = nil
    ) {
        (self.name, self.role, self.slots, self.labels) = (name, role, slots, labels)
        (self.version, self.incarnation) = (version, incarnation)
        (self.callback, self.machine, self.resources) = (callback, machine, resources)
        (id, secret) = (identity?.id, identity?.secret)
    }

    /// The identity of an earlier joining, to get it again.
    package var identity: MemberIdentity? {
        get { id.flatMap { id in secret.map { MemberIdentity(id: id, secret: $0) } } }
        set { (id, secret) = (newValue?.id, newValue?.secret) }
    }

    package static let mayBeEmpty = true
    package static let blank = JoinRequest(
        name: "", role: .worker, slots: 1, labels: [:], version: "", incarnation: "", identity: nil)
    package static let fields: [WireField<JoinRequest>] = [
        .may("name", \.name, .shown, "The name to be known by; made unique."),
        .may("role", \.role, .choice, "worker (default), client, or origin or edge: those two have no rank."),
        .may("slots", \.slots, .integer(1...Limits.slotsMax), "Tasks that a worker runs at the same time."),
        .may("labels", \.labels, .strings(countMax: Limits.labelsMax), "Strings that describe the member."),
        .may("version", \.version, .string, "Of the member's program."),
        .may(
            "incarnation", \.incarnation, .string,
            "A secret of the process: joining again with it gives the same member."),
        .may(
            "callback", \.callback, .text(0...512), "Where it takes commands: POST CALLBACK/receive-command.",
            when: { !$0.callback.isEmpty }),
        .may(
            "machine", \.machine, .string, "The machine it runs on; the same for all workers there.",
            when: { !$0.machine.isEmpty }),
        .may("resources", \.resources, .object, "What a worker has beside its slots; without it nothing."),
        .may("id", \.id, .id, "The id of an earlier joining, to have it again."),
        .may("secret", \.secret, .string, "The secret of that earlier joining."),
    ]

    package mutating func check() throws(Problem) {
        guard name.isEmpty || !name.allSatisfy(\.isWhitespace) else {
            throw Problem(
                422, "\"name\" is \"\(name)\", of blanks alone; give one that shows, or none to be given one.",
                code: "field")
        }
        guard !incarnation.hasPrefix(Self.callbackIncarnation) else {
            throw Problem(
                422, "\"incarnation\" is a secret of the process, not \"\(incarnation.prefix(80))\".", code: "field")
        }
        if !callback.isEmpty { callback = try ClassicMember.address(callback) }
        guard (id == nil) == (secret == nil) else {
            throw Problem(422, "\"id\" and \"secret\" go together: both, or neither.", code: "field")
        }
    }
}

extension WireKind where Value == String {
    /// A name that people can see: without control characters, and not of blanks alone. Who reads it says what is wrong.
    static var shown: WireKind { shown(upTo: Limits.nameBytesMax) }
    static func shown(upTo bytesMax: Int) -> WireKind {
        text(
            0...bytesMax,
            pattern: "^([^\\x00-\\x1f\\x7f]*[^\\s\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]*)?$")
    }
}

/// Who a member is, and what proves it. The secret is the member's own: nobody else can speak for it.
package struct MemberIdentity: Hashable, Sendable {
    package var id: MemberID
    package var secret: String

    package init(id: MemberID, secret: String) { (self.id, self.secret) = (id, secret) }
}

/// The answer to a `JoinRequest`.
package struct JoinReply: Hashable, WireType {
    package var identity: MemberIdentity
    /// The name as it is known in the fleet: the one asked for, with a number behind it when that was taken.
    package var name: String
    package var rank: Int?
    /// For origins and edges.
    package var fleetTokens: FleetTokenCodes?

    package init(identity: MemberIdentity, name: String, rank: Int?, fleetTokens: FleetTokenCodes? = nil) {
        (self.identity, self.name, self.rank, self.fleetTokens) = (identity, name, rank, fleetTokens)
    }

    package static let blank = JoinReply(identity: MemberIdentity(id: MemberID(0), secret: ""), name: "", rank: nil)
    package static let schemaName = "Joined"
    package static let fields: [WireField<JoinReply>] = [
        .must("id", \.identity.id, .id),
        .must("secret", \.identity.secret, .prose, "Its token: proves that it is this member."),
        .always("name", \.name, .prose),
        .always("rank", \.rank, .integer),
        .may("fleetTokens", \.fleetTokens, .object, "For an origin or an edge: how it tells the fleet's tokens."),
    ]
}

/// A member as others see it, in `GET /v1/members` and `GET /servers`.
package struct MemberStatus: Hashable, WireType, WireListed {
    package var id: MemberID
    package var name: String
    /// A `MemberRole`, or one that only later versions know.
    package var role: String
    package var rank: Int?
    package var address: String
    /// A `Membership.Standing`, `draining` or `distrusted`.
    package var state: String
    /// In seconds since 1970.
    package var joined: Double
    package var slots: Int
    /// What a worker has beside its slots; nil where it does not say.
    package var resources: Amounts?
    package var version: String
    /// Empty when it does not say.
    package var machine: String
    /// The id of the volunteer's token that it came by.
    package var token: Int64?
    package var labels: [String: String]

    /// `isDistrusted`: its machine was wrong too often, and gets no work. `isDraining`: it finishes what it has and goes.
    package init(
        record: MemberRecord, rank: Int?, standing: Membership.Standing, isDistrusted: Bool = false,
        isDraining: Bool = false
    ) {
        (id, name, role, self.rank) = (record.id, record.name, record.role.rawValue, rank)
        state = isDistrusted ? "distrusted" : isDraining ? "draining" : standing.rawValue
        (address, joined, slots) = (record.address, Double(record.joinedMs) / 1_000, record.slots)
        resources = record.resources
        (version, machine, token, labels) = (record.version, record.machine, record.token, record.labels)
    }

    private init() {
        (id, name, role, address, state, joined, slots) = (MemberID(0), "", "", "", "", 0, 0)
        (version, machine, labels) = ("", "", [:])
    }

    package static let blank = MemberStatus()
    package static let schemaName = "Member"
    package static let listName = "members"
    package static let listSchemaName = "Members"
    package static let listFields = madeListFields
    package static let fields: [WireField<MemberStatus>] = [
        .always("id", \.id, .id),
        .always("name", \.name, .prose),
        .always("role", \.role, .word(of: MemberRole.self)),
        .always("rank", \.rank, .integer, "0 is the highest; null: without one."),
        .always("address", \.address, .prose),
        .always("state", \.state, .prose, "How it stands: alive, suspect, draining, distrusted."),
        .always("joined", \.joined, .seconds, "When, in seconds since 1970."),
        .always("slots", \.slots, .integer),
        .may("resources", \.resources, .object, "What a worker has beside its slots."),
        .always("version", \.version, .prose),
        .may("machine", \.machine, .prose, when: { !$0.machine.isEmpty }),
        .may("volunteer", \.token, .integer, "Its token's id."),
        .always("labels", \.labels, .proses),
    ]
}
