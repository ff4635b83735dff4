package import MusterCore
internal import MusterJSON
package import MusterScheduling
package import MusterWire

/// `POST /v1/leases`: a worker asks for work and waits for it.
package struct LeaseRequest: Hashable, WireRequest {
    package var slots: Int
    package var kernels: [String]
    /// How long the call may be held. 0 asks without waiting.
    package var waitSeconds: Double
    /// What is free beside the slots; nil for a worker of an earlier version. Who tells it understands `merged`.
    package var resources: Amounts?

    package init(slots: Int, kernels: [String], waitSeconds: Double, resources: Amounts? = nil) {
        (self.slots, self.kernels, self.waitSeconds) = (slots, kernels, waitSeconds)
        self.resources = resources
    }

    /// The slots, and what is told beside them.
    package var free: Amounts {
        var free = resources ?? Amounts()
        free.cpus = slots
        return free
    }

    package static let blank = LeaseRequest(slots: 1, kernels: [], waitSeconds: 30)
    package static let fields: [WireField<LeaseRequest>] = [
        .may("slots", \.slots, .integer(1...Limits.slotsMax), "Most batches to be granted, default 1."),
        .must("kernels", \.kernels, .kernels, "Names of the kernels that the worker has."),
        .may(
            "waitSeconds", \.waitSeconds, .number(0...Limits.leaseWaitSecondsMax),
            "How long to hold the call, 0 to 60, default 30."),
        .may(
            "resources", \.resources, .object,
            "What is free beside the slots, and that no other call under way speaks for. Who tells it may be answered merged."
        ),
    ]
}

extension WireKind where Value == [String] {
    fileprivate static var kernels: WireKind {
        values(.string, "a list of kernel names", countMax: 256) {
            $0.string.flatMap { $0.utf8.count <= Limits.nameBytesMax ? $0 : nil }
        } write: {
            $1.value($0)
        }
    }
}

/// The answer to a `LeaseRequest`, without offers when there was no work in time.
package struct LeaseAnswer: Hashable, WireType {
    package var offers: [LeaseOffer]
    /// A later call of the same worker speaks for what this one spoke for.
    package var isMerged: Bool

    package init(_ offers: [LeaseOffer], isMerged: Bool = false) { (self.offers, self.isMerged) = (offers, isMerged) }

    package init(body: [UInt8], for member: MemberID) throws(Problem) {
        try self.init(body: body)
        address(to: member)
    }

    /// A key's member is whoever gets it, and is not sent.
    mutating func address(to member: MemberID) {
        for place in offers.indices { offers[place].grant.key.member = member }
    }

    package var bytesExpected: Int { offers.reduce(64) { $0 + $1.bytesExpected } }
    package static let blank = LeaseAnswer([])
    package static let schemaName = "Leases"
    package static let fields: [WireField<LeaseAnswer>] = [
        .always("leases", \.offers, .objects()),
        .may(
            "merged", \.isMerged, .boolean, "A later call of the worker speaks for what this one spoke for.",
            when: \.isMerged),
    ]
}

/// One granted batch on its way to a worker. `key.member` is the receiver and is not sent.
package struct LeaseOffer: Hashable, WireType {
    package var grant: Grant
    /// One JSON value a task when the job has inputs.
    package var inputs: LineColumn?

    package init(grant: Grant, inputs: LineColumn?) { (self.grant, self.inputs) = (grant, inputs) }

    package static let place = "lease."
    package static let blank = LeaseOffer(
        grant: Grant(key: .blank, ticket: "", kernel: "", params: Array("{}".utf8), hasInputs: false), inputs: nil)
    package var bytesExpected: Int { 256 + (inputs?.bytes.count ?? 0) }
    package static let schemaName = "Lease"
    package static let fields: [WireField<LeaseOffer>] = [
        .part(\.grant.key),
        .must("ticket", \.grant.ticket, .prose),
        .must("kernel", \.grant.kernel, .prose),
        .always("params", \.grant.params, .anyObject),
        .may("transient", \.grant.isTransient, .boolean, when: \.grant.isTransient),
        .may(
            "timeoutSeconds", \.grant.timeoutSeconds, .seconds, "A task that takes longer has failed."),
        .may("needs", \.grant.needs, .object, "What the batch takes up while it runs; one slot where there is none."),
        .may("inputs", \.inputs, .column(), "One value a task."),
    ]

    package mutating func check() throws(Problem) {
        grant.hasInputs = inputs != nil
        if let inputs, inputs.count != grant.key.count {
            throw Problem(422, "A lease of \(grant.key.count) tasks came with \(inputs.count) inputs.")
        }
    }

    /// In the answer to a `LeaseRequest`.
    package static func offers(in body: [UInt8], for member: MemberID) throws(Problem) -> [LeaseOffer] {
        try LeaseAnswer(body: body, for: member).offers
    }
}

/// The member is whoever sends or gets it.
extension LeaseKey: WireRequest {
    package static let blank = LeaseKey(job: JobID(0), first: 0, count: 0, attempt: 0, member: MemberID(0))
    package static let fields: [WireField<LeaseKey>] = [
        .must("job", \.job, .id),
        .must("first", \.first, .integer(0...Limits.jobTasksMax)),
        .must("count", \.count, .integer(1...Limits.jobTasksMax)),
        .must("attempt", \.attempt, .integer(1...Int(Int32.max))),
    ]
}

extension ReturnedTasks: WireRequest {
    package static let blank = ReturnedTasks(key: .blank, from: 0)
    package static let fields: [WireField<ReturnedTasks>] = [
        .part(\.key), .must("from", \.from, .integer(0...Limits.jobTasksMax), "The first task that it does not begin."),
    ]
}

/// What the coordinator says over a member's stream: these leases are pointless now.
package struct Revocation: Hashable, WireType {
    package var leases: [LeaseKey]

    package init(leases: [LeaseKey]) { self.leases = leases }

    package init(body: [UInt8], member: MemberID) throws(Problem) {
        try self.init(body: body)
        for place in leases.indices { leases[place].member = member }
    }

    package static let blank = Revocation(leases: [])
    package static let fields: [WireField<Revocation>] = [.always("leases", \.leases, .objects())]
}
