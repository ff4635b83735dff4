import MusterCore
import MusterFleetCore
import MusterHTTP
import MusterMembership
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServices
import MusterStore
import MusterWire
import Testing

@testable import MusterCoordinator

/// Members that never joined here, and hold no streams.
@Suite struct MemberServiceTests {
    @Test("a heartbeat is answered with the rank; who left is a stranger")
    func leaves() async throws {
        try await withBench { bench in
            let service = MemberService(bench.common)
            bench.member(1, "a")
            let secret = bench.common.authenticator.secret(of: bench.member(2, "b").id)
            let beat = try await bench.ask(service, .heartbeat, token: secret, body: "{}", id: "2")
            #expect(beat.text == #"{"success":true,"rank":1,"members":2}"#)
            do {
                let status = try await bench.ask(service, .heartbeat, token: secret, body: "{}", id: "1").status
                #expect(status == 403)
            }
            do {
                let status = try await bench.ask(service, .leaveFleet, token: secret, id: "2").status
                #expect(status == 200)
            }
            do {
                let status = try await bench.ask(service, .heartbeat, token: secret, body: "{}", id: "2").status
                #expect(status == 401)
            }
        }
    }

    @Test("who goes may say that it has begun nothing else")
    func leavesUnbegun() async throws {
        try await withBench { bench in
            let service = MemberService(bench.common)
            let secret = bench.common.authenticator.secret(of: bench.member(1, "a").id)
            let odd = try await bench.ask(service, .leaveFleet, token: secret, id: "1", query: [("unbegun", "perhaps")])
                .status
            #expect(odd == 422)
            let fine = try await bench.ask(service, .leaveFleet, token: secret, id: "1", query: [("unbegun", "true")])
                .status
            #expect(fine == 200)
        }
    }

    @Test("each new leader of the edges is told once, an old one never")
    func leaders() async throws {
        try await withBench { bench in
            let service = MemberService(bench.common)
            let events = try bench.common.events.open(greeting: [])
            let secret = bench.common.authenticator.secret(of: bench.member(1, "edge", role: .edge).id)
            func beat(_ term: Int) async throws {
                let body = #"{"edges":{"leader":1,"term":\#(term << 16 | 1)}}"#
                let answer = try await bench.ask(service, .heartbeat, token: secret, body: body, id: "1")
                #expect(answer.status == 200, "\(answer.text)")
            }
            for term in [2, 2, 1, 3] { try await beat(term) }
            #expect(events.taken().split(separator: "\n").filter { $0 == "event: leader" }.count == 2)
        }
    }

    @Test("listed as servers are workers alone")
    func servers() async throws {
        try await withBench { bench in
            let service = MemberService(bench.common)
            bench.member(1, "worker")
            bench.member(2, "onlooker", role: .client)
            let servers = try await bench.ask(service, .servers, token: bench.tokens.read).text
            #expect(servers.contains("worker") && !servers.contains("onlooker"))
            #expect(try await bench.ask(service, .members, token: bench.tokens.read).text.contains("onlooker"))
        }
    }
}
