package import MusterCore
internal import MusterJSON
package import MusterScheduling

/// `POST /v1/leases`: a worker asks for work and waits for it.
package struct LeaseRequest: Hashable, WireRequest {
    package var slots: Int
    package var kernels: [String]
    /// How long the call may be held. 0 asks without waiting.
    package var waitSeconds: Double

    package init(slots: Int, kernels: [String], waitSeconds: Double) {
        (self.slots, self.kernels, self.waitSeconds) = (slots, kernels, waitSeconds)
    }

    package static let blank = LeaseRequest(slots: 1, kernels: [], waitSeconds: 30)
    package static let fields: [WireField<LeaseRequest>] = [
        .may("slots", \.slots, .integer(1...Limits.slotsMax), "Most batches to be granted, default 1."),
        .must("kernels", \.kernels, .kernels, "Names of the kernels that the worker has."),
        .may(
            "waitSeconds", \.waitSeconds, .number(0...Limits.leaseWaitSecondsMax),
            "How long to hold the call, 0 to 60, default 30."),
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

/// One granted batch on its way to a worker. `key.member` is the receiver and is not sent.
package struct LeaseOffer: Hashable, WireType, WireListed {
    package var grant: Grant
    /// One JSON value a task when the job has inputs.
    package var inputs: LineColumn?

    package init(grant: Grant, inputs: LineColumn?) { (self.grant, self.inputs) = (grant, inputs) }

    package static let place = "lease."
    package static let blank = LeaseOffer(
        grant: Grant(key: .blank, ticket: "", kernel: "", params: Array("{}".utf8), hasInputs: false), inputs: nil)
    package var bytesExpected: Int { 256 + (inputs?.bytes.count ?? 0) }
    package static let schemaName = "Lease"
    package static let listName = "leases"
    package static let listSchemaName = "Leases"
    package static let listFields = [WireField<ListAnswer<LeaseOffer>>.always(listName, \.items, listKind)]
    package static let fields: [WireField<LeaseOffer>] = [
        .part(\.grant.key),
        .must("ticket", \.grant.ticket, .prose),
        .must("kernel", \.grant.kernel, .prose),
        .always("params", \.grant.params, .anyObject),
        .may("transient", \.grant.isTransient, .boolean, when: \.grant.isTransient),
        .may(
            "timeoutSeconds", \.grant.timeoutSeconds, .seconds, "A task that takes longer has failed."),
        .may("inputs", \.inputs, .column(), "One value a task."),
    ]

    package mutating func check() throws(Problem) {
        grant.hasInputs = inputs != nil
        if let inputs, inputs.count != grant.key.count {
            throw Problem(422, "A lease of \(grant.key.count) tasks came with \(inputs.count) inputs.")
        }
    }

    /// In the answer to a `LeaseRequest`, which has none when there was no work in time.
    package static func offers(in body: [UInt8], for member: MemberID) throws(Problem) -> [LeaseOffer] {
        var offers = try ListAnswer<LeaseOffer>(body: body).items
        for place in offers.indices { offers[place].grant.key.member = member }
        return offers
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
