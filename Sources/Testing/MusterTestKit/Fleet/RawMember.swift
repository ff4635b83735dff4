package import MusterAPI
internal import MusterCore
package import MusterScheduling
internal import MusterWire

/// A member that is written by hand: it speaks the worker's routes and lies as its test wants.
package struct RawMember: Sendable {
    package let fleet: Fleet
    package let identity: MemberIdentity

    /// Joins; throws `FleetError` when it is refused.
    package init(_ name: String, in fleet: Fleet) async throws {
        self.fleet = fleet
        let join = JoinRequest(
            name: name, role: .worker, slots: 1, labels: [:], version: "test", incarnation: name, identity: nil)
        identity = try JoinReply(body: await fleet.demand("POST", "/v1/members", join.body, status: 201)).identity
    }

    /// What one lease call is granted; empty when there was nothing in `waitSeconds`.
    package func ask(waitSeconds: Double = 30) async throws -> [Grant] {
        let request = LeaseRequest(slots: 1, kernels: ["noop", "sleep", "sum", "fail"], waitSeconds: waitSeconds)
        let body = try await fleet.demand("POST", "/v1/leases", request.body, token: identity.secret)
        return try LeaseOffer.offers(in: body, for: identity.id).map(\.grant)
    }

    /// The one grant of a lease call; throws `FleetError` when there is none.
    package func askForOne() async throws -> Grant {
        guard let grant = try await ask().first else { throw FleetError("no work was granted") }
        return grant
    }

    /// Delivers reports, and returns what became of each.
    package func deliver(_ reports: TaskReport...) async throws -> [ReportVerdict] {
        let body = ReportWire.body(joining: reports.map(ReportWire.text)).bytes
        return try ReportWire.verdicts(in: await fleet.demand("POST", "/v1/results", body, token: identity.secret))
    }
}

extension Grant {
    /// A report of all its tasks, each with this JSON text as its value.
    package func report(_ value: String) -> TaskReport {
        var values = LineColumn()
        var seconds = LineColumn()
        for _ in 0..<key.count {
            values.append(line: value.utf8)
            seconds.append(line: "0".utf8)
        }
        return TaskReport(
            key: key, ticket: ticket, start: key.first, values: values, seconds: seconds, failures: [],
            secondsTotal: 0)
    }
}
