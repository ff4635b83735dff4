import MusterAPI
import MusterCore
import MusterHTTPClient
import MusterTestKit
import MusterWire

/// Members that do only what a test says, and what became of commands at them.
extension Fleet {
    func joinClient(
        _ name: String, _ identity: MemberIdentity? = nil, callback: String = ""
    ) async throws -> MemberIdentity {
        let request = JoinRequest(
            name: name, role: .client, slots: 1, labels: [:], version: "", incarnation: "", identity: identity,
            callback: callback)
        return try JoinReply(body: await demand("POST", "/v1/members", request.body, status: 201)).identity
    }

    func leave(_ member: MemberIdentity) async throws {
        _ = try await demand("DELETE", "/v1/members/\(member.id)", token: member.secret)
    }

    /// It says nothing by itself.
    func startClient(_ name: String) async throws -> FleetProcess {
        let silent = ["--min-interval", "3600", "--max-interval", "3600"]
        let client = try start(["client", "--join", url, "--name", name] + silent)
        try await eventually("\(name) joined") { client.transcript.output.contains { $0.hasPrefix("joined as ") } }
        return client
    }

    /// The operator's; returns when it is accepted.
    func send(_ text: String) async throws -> CommandID {
        try CommandReceipt(body: await demand("POST", "/v1/commands", CommandRequest(text: text).body, status: 202)).id
    }

    /// Held, and not read.
    func openStream(_ member: MemberIdentity) async throws -> HTTPClientStream {
        var request = HTTPClientRequest("GET", "\(url)/v1/members/\(member.id)/stream")
        request.headers = [("Authorization", "Bearer \(member.secret)")]
        let stream = try await http.stream(request)
        guard stream.status == 200 else { throw FleetError("the stream of \(member.id) answered \(stream.status)") }
        return stream
    }

    func acknowledge(_ member: MemberIdentity, _ through: CommandID) async throws {
        let body = Heartbeat(leases: [], acknowledged: through).body
        _ = try await demand("POST", "/v1/members/\(member.id)/heartbeat", body, token: member.secret)
    }

    func outcomes(of id: CommandID) async throws -> [MemberID: MusterCore.CommandOutcome] {
        var fields = try JSONFields(body: await demand("GET", "/v1/commands/\(id)"))
        return try (fields.array("outcomes") ?? []).reduce(into: [:]) { outcomes, value in
            var one = try JSONFields(value, path: "outcomes.")
            let member = try one.required("member", one.int("member", in: 1...Int.max))
            outcomes[MemberID(Int64(member))] = MusterCore.CommandOutcome(rawValue: try one.string("outcome") ?? "")
        }
    }

    /// By rank; of these members, in their order, or of all.
    func ranks(of members: [MemberIdentity]? = nil) async throws -> [Int] {
        var fields = try JSONFields(body: await demand("GET", "/v1/members"))
        let all = try (fields.array("members") ?? []).map { value in
            var one = try JSONFields(value, path: "members.")
            let id = MemberID(Int64(try one.required("id", one.int("id", in: 1...Int.max))))
            return (id, try one.required("rank", one.int("rank", in: 0...Int.max)))
        }
        guard let members else { return all.map(\.1) }
        return members.compactMap { member in all.first { $0.0 == member.id }?.1 }
    }
}
