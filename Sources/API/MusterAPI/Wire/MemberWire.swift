package import MusterCore
package import MusterMembership

/// `POST /v1/members`: a process asks to become a member.
package struct JoinRequest: Hashable, Sendable {
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
    /// The identity of an earlier joining, to get it again.
    package var identity: MemberIdentity?
    /// Where it takes commands (`POST {callback}/receive-command`), a URL without a path; empty for a member that holds
    /// its stream.
    package var callback: String
    /// Which machine it runs on, the same for all workers there; empty when it does not say.
    package var machine: String

    package init(
        name: String, role: MemberRole, slots: Int, labels: [String: String], version: String, incarnation: String,
        identity: MemberIdentity?, callback: String = "", machine: String = ""
    ) {
        self.machine = machine
        self.callback = callback
        self.name = name
        self.role = role
        self.slots = slots
        self.labels = labels
        self.version = version
        self.incarnation = incarnation
        self.identity = identity
    }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body, emptyAllowed: true)
        name = try fields.string("name") ?? ""
        guard name.isEmpty || !name.allSatisfy(\.isWhitespace) else {
            throw Problem(
                422, "\"name\" is \"\(name)\", of blanks alone; give one that shows, or none to be given one.",
                code: "field")
        }
        role = try fields.choice("role", MemberRole.self) ?? .worker
        slots = try fields.int("slots", in: 1...Limits.slotsMax) ?? 1
        labels = try fields.strings("labels", countMax: Limits.labelsMax) ?? [:]
        version = try fields.string("version") ?? ""
        incarnation = try fields.string("incarnation") ?? ""
        guard !incarnation.hasPrefix(Self.callbackIncarnation) else {
            throw Problem(
                422, "\"incarnation\" is a secret of the process, not \"\(incarnation.prefix(80))\".", code: "field")
        }
        machine = try fields.string("machine") ?? ""
        let callback = try fields.string("callback", bytesMax: 512) ?? ""
        self.callback = callback.isEmpty ? "" : try ClassicMember.address(callback)
        let id = try fields.int("id", in: 1...Int.max)
        let secret = try fields.string("secret")
        try fields.finish()
        switch (id, secret) {
        case (let id?, let secret?): identity = MemberIdentity(id: MemberID(Int64(id)), secret: secret)
        case (nil, nil): identity = nil
        default: throw Problem(422, "\"id\" and \"secret\" go together: both, or neither.", code: "field")
        }
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("name", name)
        json.field("role", role.rawValue)
        json.field("slots", slots)
        json.key("labels")
        json.beginObject()
        for key in labels.keys.sorted() {
            json.key(named: key)
            json.value(labels[key]!)
        }
        json.endObject()
        json.field("version", version)
        json.field("incarnation", incarnation)
        if !callback.isEmpty { json.field("callback", callback) }
        if !machine.isEmpty { json.field("machine", machine) }
        if let identity {
            json.field("id", identity.id.rawValue)
            json.field("secret", identity.secret)
        }
        json.endObject()
        return json.bytes
    }
}

/// Who a member is, and what proves it. The secret is the member's own: nobody else can speak for it.
package struct MemberIdentity: Hashable, Sendable {
    package var id: MemberID
    package var secret: String

    package init(id: MemberID, secret: String) {
        self.id = id
        self.secret = secret
    }
}

/// The answer to a `JoinRequest`.
package struct JoinReply: Hashable, Sendable {
    package var identity: MemberIdentity
    /// The name as it is known in the fleet: the one asked for, with a number behind it when that was taken.
    package var name: String
    package var rank: Int?
    /// For origins and edges.
    package var fleetTokens: FleetTokenCodes?

    package init(identity: MemberIdentity, name: String, rank: Int?, fleetTokens: FleetTokenCodes? = nil) {
        self.identity = identity
        self.name = name
        self.rank = rank
        self.fleetTokens = fleetTokens
    }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        let id = try fields.required("id", fields.int("id", in: 1...Int.max))
        let secret = try fields.required("secret", fields.string("secret"))
        identity = MemberIdentity(id: MemberID(Int64(id)), secret: secret)
        name = try fields.string("name") ?? ""
        rank = try fields.int("rank", in: 0...Int.max)
        fleetTokens = try fields.value("fleetTokens").map { value throws(Problem) in try FleetTokenCodes(value) }
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("id", identity.id.rawValue)
        json.field("secret", identity.secret)
        json.field("name", name)
        json.key("rank")
        if let rank { json.value(rank) } else { json.null() }
        if let fleetTokens {
            json.key("fleetTokens")
            fleetTokens.write(to: &json)
        }
        json.endObject()
        return json.bytes
    }
}

/// A member as others see it, in `GET /v1/members` and `GET /servers`.
package struct MemberStatus: Hashable, Sendable {
    package var record: MemberRecord
    package var rank: Int?
    package var standing: Membership.Standing
    /// Its machine was wrong too often, and gets no work.
    package var isDistrusted: Bool
    /// It finishes what it has and goes.
    package var isDraining: Bool

    package init(
        record: MemberRecord, rank: Int?, standing: Membership.Standing, isDistrusted: Bool = false,
        isDraining: Bool = false
    ) {
        (self.isDistrusted, self.isDraining) = (isDistrusted, isDraining)
        self.record = record
        self.rank = rank
        self.standing = standing
    }

    package func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("id", record.id.rawValue)
        json.field("name", record.name)
        json.field("role", record.role.rawValue)
        json.key("rank")
        if let rank { json.value(rank) } else { json.null() }
        json.field("address", record.address)
        json.field("state", isDistrusted ? "distrusted" : isDraining ? "draining" : standing.rawValue)
        json.field("joined", Double(record.joinedMs) / 1000)
        json.field("slots", record.slots)
        json.field("version", record.version)
        if !record.machine.isEmpty { json.field("machine", record.machine) }
        if let token = record.token { json.field("volunteer", token) }
        json.key("labels")
        json.beginObject()
        for key in record.labels.keys.sorted() {
            json.key(named: key)
            json.value(record.labels[key]!)
        }
        json.endObject()
        json.endObject()
    }
}
