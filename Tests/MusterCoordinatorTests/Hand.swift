import MusterAPI
import MusterScheduling
import MusterServerKit
import MusterWire
import Testing

/// A worker written by hand.
struct Hand {
    let coordinator: TestCoordinator
    let identity: MemberIdentity

    init(_ coordinator: TestCoordinator, token: String, machine: String = "", name: String = "hand") throws {
        self.coordinator = coordinator
        let body = #"{"name":"\#(name)","machine":"\#(machine)"}"#
        let response = try #require(coordinator.ask("POST", "/v1/members", token: token, body: body))
        #expect(response.status == 201, "\(response.text)")
        identity = try JoinReply(body: response.body).identity
    }

    func ask() throws -> Grant? {
        let body = #"{"kernels":["noop","sum"],"waitSeconds":0.2}"#
        let response = try #require(coordinator.ask("POST", "/v1/leases", token: identity.secret, body: body))
        #expect(response.status == 200, "\(response.text)")
        return try LeaseOffer.offers(in: response.body, for: identity.id).map(\.grant).first
    }

    func deliver(_ grant: Grant, _ value: String) throws -> ReportVerdict? {
        let body = ReportWire.body(joining: [ReportWire.text(of: grant.report(value))]).bytes
        let response = try #require(
            RawClient(port: coordinator.port).ask("POST", "/v1/results", token: identity.secret, body: body))
        #expect(response.status == 200, "\(response.text)")
        return try ReportWire.verdicts(in: response.body).first
    }

    /// Takes one task and says so; false when there was none.
    func work(_ value: String = "3") throws -> Bool {
        guard let grant = try ask() else { return false }
        #expect(try deliver(grant, value) == .recorded(grant.key.count))
        return true
    }
}
