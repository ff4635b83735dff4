package import MusterCore
package import MusterScheduling

/// `POST /v1/leases`: a worker asks for work and waits for it.
package struct LeaseRequest: Hashable, Sendable {
    package var slots: Int
    package var kernels: [String]
    /// How long the call may be held. 0 asks without waiting.
    package var waitSeconds: Double

    package init(slots: Int, kernels: [String], waitSeconds: Double) {
        self.slots = slots
        self.kernels = kernels
        self.waitSeconds = waitSeconds
    }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        slots = try fields.int("slots", in: 1...Limits.slotsMax) ?? 1
        kernels = []
        let names = try fields.required("kernels", fields.array("kernels"))
        guard names.count <= 256 else { throw Problem(422, "\"kernels\" has \(names.count) entries; at most 256.") }
        for name in names {
            guard let text = name.string, text.utf8.count <= Limits.nameBytesMax else {
                throw fields.wrong("kernels", name, "a list of kernel names")
            }
            kernels.append(text)
        }
        waitSeconds = try fields.double("waitSeconds", in: 0...Limits.leaseWaitSecondsMax) ?? 30
        try fields.finish()
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("slots", slots)
        json.key("kernels")
        json.beginArray()
        for kernel in kernels { json.value(kernel) }
        json.endArray()
        json.field("waitSeconds", waitSeconds)
        json.endObject()
        return json.bytes
    }
}

/// One granted batch on its way to a worker. `key.member` is the receiver and is not sent.
package struct LeaseOffer: Hashable, Sendable {
    package var grant: Grant
    /// One JSON value a task when the job has inputs.
    package var inputs: LineColumn?

    package init(grant: Grant, inputs: LineColumn?) {
        self.grant = grant
        self.inputs = inputs
    }

    package init(_ value: JSONValue, member: MemberID) throws(Problem) {
        var fields = try JSONFields(value, path: "lease.")
        let key = try LeaseKey(from: &fields, member: member)
        grant = Grant(
            key: key, ticket: try fields.required("ticket", fields.string("ticket")),
            kernel: try fields.required("kernel", fields.string("kernel")),
            params: fields.value("params").map { Array($0.bytes) } ?? Array("{}".utf8), hasInputs: false)
        inputs = try fields.column("inputs")
        grant.hasInputs = inputs != nil
        grant.isTransient = try fields.bool("transient") ?? false
        grant.timeoutSeconds = try fields.double("timeoutSeconds", in: 0...1e12)
        if let inputs, inputs.count != key.count {
            throw Problem(422, "A lease of \(key.count) tasks came with \(inputs.count) inputs.")
        }
    }

    package func write(to json: inout JSONWriter) {
        json.beginObject()
        grant.key.write(to: &json)
        json.field("ticket", grant.ticket)
        json.field("kernel", grant.kernel)
        json.field("params", raw: grant.params)
        if grant.isTransient { json.field("transient", true) }
        if let seconds = grant.timeoutSeconds { json.field("timeoutSeconds", seconds) }
        if let inputs {
            json.key("inputs")
            json.array(lines: inputs.bytes)
        }
        json.endObject()
    }

    /// The answer to a `LeaseRequest`: `{"leases": [...]}`, empty when there was no work in time.
    package static func reply(_ offers: [LeaseOffer]) -> [UInt8] {
        var json = JSONWriter(reserving: 64 + offers.reduce(0) { $0 + 256 + ($1.inputs?.bytes.count ?? 0) })
        json.beginObject()
        json.key("leases")
        json.beginArray()
        for offer in offers { offer.write(to: &json) }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    package static func offers(in body: [UInt8], for member: MemberID) throws(Problem) -> [LeaseOffer] {
        var fields = try JSONFields(body: body)
        var offers: [LeaseOffer] = []
        for value in try fields.array("leases") ?? [] { offers.append(try LeaseOffer(value, member: member)) }
        return offers
    }
}

extension LeaseKey {
    /// Its four fields, inside an object that may hold others.
    init(from fields: inout JSONFields, member: MemberID) throws(Problem) {
        let job = try fields.required("job", fields.int("job", in: 1...Int.max))
        let first = try fields.required("first", fields.int("first", in: 0...Limits.jobTasksMax))
        let count = try fields.required("count", fields.int("count", in: 1...Limits.jobTasksMax))
        let attempt = try fields.required("attempt", fields.int("attempt", in: 1...Int(Int32.max)))
        self.init(job: JobID(Int64(job)), first: first, count: count, attempt: attempt, member: member)
    }

    func write(to json: inout JSONWriter) {
        json.field("job", job.rawValue)
        json.field("first", first)
        json.field("count", count)
        json.field("attempt", attempt)
    }
}

/// `POST /v1/members/{id}/heartbeat`: a sign of life that renews leases.
package struct Heartbeat: Hashable, Sendable {
    package var leases: [LeaseKey]
    /// The member has all commands up to this one; nil says nothing about them.
    package var acknowledged: CommandID?
    /// Of an edge: who leads the edges, as far as it knows; nil says nothing about it.
    package var leadership: EdgeLeadership?

    package init(leases: [LeaseKey], acknowledged: CommandID? = nil, leadership: EdgeLeadership? = nil) {
        (self.leases, self.acknowledged, self.leadership) = (leases, acknowledged, leadership)
    }

    package init(body: [UInt8], member: MemberID) throws(Problem) {
        var fields = try JSONFields(body: body, emptyAllowed: true)
        leases = []
        for value in try fields.elements("leases", countMax: Limits.slotsMax) {
            leases.append(try Self.key(value, member))
        }
        acknowledged = try fields.int("acknowledged", in: 0...Int.max).map { CommandID(Int64($0)) }
        leadership = try fields.object("edges").map { edges throws(Problem) in try EdgeLeadership(consuming: edges) }
        try fields.finish()
    }

    static func key(_ value: JSONValue, _ member: MemberID) throws(Problem) -> LeaseKey {
        var fields = try JSONFields(value, path: "leases.")
        let key = try LeaseKey(from: &fields, member: member)
        try fields.finish()
        return key
    }

    package var body: [UInt8] { Self.body(of: leases, acknowledged: acknowledged, leadership) }

    static func body(
        of leases: [LeaseKey], acknowledged: CommandID? = nil, _ leadership: EdgeLeadership? = nil
    ) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("leases")
        json.beginArray()
        for key in leases {
            json.beginObject()
            key.write(to: &json)
            json.endObject()
        }
        json.endArray()
        if let acknowledged { json.field("acknowledged", acknowledged.rawValue) }
        if let leadership {
            json.key("edges")
            leadership.write(to: &json)
        }
        json.endObject()
        return json.bytes
    }
}

/// What the coordinator says over a member's stream: these leases are pointless now.
package struct Revocation: Hashable, Sendable {
    package var leases: [LeaseKey]

    package init(leases: [LeaseKey]) { self.leases = leases }

    package init(body: [UInt8], member: MemberID) throws(Problem) {
        var fields = try JSONFields(body: body)
        leases = []
        for value in try fields.array("leases") ?? [] { leases.append(try Heartbeat.key(value, member)) }
    }

    package var body: [UInt8] { Heartbeat.body(of: leases) }
}
