import Glibc
import MusterAPI
import MusterHTTP
import MusterHTTPClient
import MusterScheduling
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

extension TestCoordinator {
    fileprivate func mint(_ label: String = "lab") throws -> (id: Int, token: String) {
        let body = #"{"label":"\#(label)"}"#
        let response = try #require(ask("POST", "/v1/tokens", token: tokens.admin, body: body))
        #expect(response.status == 201, "\(response.text)")
        var fields = try JSONFields(body: response.body)
        return (
            try #require(try fields.int("id", in: 1...Int.max)), try #require(try fields.string("token"))
        )
    }

    fileprivate func text(_ target: String) throws -> String {
        try #require(ask("GET", target, token: tokens.admin)).text
    }

    /// Whether the job is in this state within a minute.
    fileprivate func reaches(_ state: String, _ job: Int) throws -> Bool {
        for _ in 0..<600 {
            let answer = RawClient(port: port).ask("GET", "/v1/jobs/\(job)", token: tokens.admin)
            if try #require(answer).text.contains("\"state\":\"\(state)\"") { return true }
            _ = try Hand.pause()
        }
        return false
    }
}

extension Hand {
    /// A turn of the server's: a request that waits a tenth of a second would do as well.
    fileprivate static func pause() throws -> Bool {
        var time = timespec(tv_sec: 0, tv_nsec: 100_000_000)
        return nanosleep(&time, nil) == 0
    }
}

@Suite struct CoordinatorTrustTests {
    private static let sum = #"{"kernel":"sum","inputs":[[1,2]]"#

    @Test func aVolunteersTokenIsForWorkersOnly() async throws {
        try await withCoordinator { coordinator in
            let (id, token) = try coordinator.mint()
            for (body, status) in [
                ("{}", 201), (#"{"role":"worker"}"#, 201), (#"{"role":"client"}"#, 403), (#"{"role":"edge"}"#, 403),
                (#"{"role":"origin"}"#, 403), (#"{"callback":"http://127.0.0.1:9"}"#, 403),
            ] {
                #expect(coordinator.ask("POST", "/v1/members", token: token, body: body)?.status == status, "\(body)")
            }
            for (method, target, body) in [
                ("GET", "/v1/members", nil), ("GET", "/v1/jobs", nil), ("POST", "/v1/jobs", "{}"),
                ("POST", "/assign-rank", #"{"ip_port":"http://127.0.0.1:9"}"#), ("POST", "/v1/tokens", "{}"),
                ("POST", "/v1/children/self", #"{"numbers":[1]}"#), ("POST", "/prox_connected", "{}"),
            ] as [(String, String, String?)] {
                #expect(coordinator.ask(method, target, token: token, body: body)?.status == 403, "\(target)")
            }
            // Nor may its worker tell others what to do.
            let worker = try Hand(coordinator, token: token)
            let command = #"{"command":"GO"}"#
            #expect(
                coordinator.ask("POST", "/v1/commands", token: worker.identity.secret, body: command)?.status == 403)
            let list = try coordinator.text("/v1/tokens")
            #expect(list.contains("\"id\":\(id)"))
            #expect(list.contains("\"members\":3"))
            #expect(!list.contains(token.drop { $0 != "." }))
        }
    }

    @Test func aMemberCannotSayThatItIsTrusted() async throws {
        try await withCoordinator { coordinator in
            let (_, token) = try coordinator.mint()
            for field in ["volunteer", "token", "isVolunteer"] {
                let body = #"{"\#(field)":null}"#
                #expect(coordinator.ask("POST", "/v1/members", token: token, body: body)?.status == 422)
            }
        }
    }

    @Test func aQuorumIsReached() async throws {
        try await withCoordinator { coordinator in
            let hands = try (1...3).map { try Hand(coordinator, token: coordinator.tokens.join, machine: "m\($0)") }
            let job = try coordinator.submit(Self.sum + #","quorum":"2/3"}"#)
            #expect(try hands[0].work("4"))
            #expect(try !hands[0].work())
            #expect(try hands[1].work("3"))
            #expect(try hands[2].work("3"))
            #expect(try coordinator.reaches("done", job))
            let results = try coordinator.text("/v1/jobs/\(job)/results")
            #expect(results.contains("\"value\":3,"))
            #expect(results.contains("\"votes\":2"))
            #expect(try coordinator.text("/v1/jobs/\(job)").contains("\"quorum\":\"2/3\""))
            let machines = try coordinator.text("/v1/machines")
            #expect(
                machines.contains(#""machine":"machine-m1","name":"hand","token":null,"state":"trusted","tasks":1"#))
            #expect(machines.contains("\"rejected\":1"))
        }
    }

    @Test func oneMachineThatPosesAsTenHasOneVote() async throws {
        try await withCoordinator { coordinator in
            let (_, token) = try coordinator.mint()
            let ten = try (1...10).map { try Hand(coordinator, token: token, machine: "m\($0)", name: "v\($0)") }
            let job = try coordinator.submit(Self.sum + #","quorum":"2/3"}"#)
            #expect(try ten[0].work("666"))
            for hand in ten.dropFirst() { #expect(try !hand.work("666")) }
            for machine in ["a", "b"] {
                #expect(try Hand(coordinator, token: coordinator.tokens.join, machine: machine).work("3"))
            }
            #expect(try coordinator.reaches("done", job))
            #expect(try coordinator.text("/v1/jobs/\(job)/results").contains("\"value\":3,"))
        }
    }

    @Test func aVolunteersResultWaitsForAnother() async throws {
        try await withCoordinator { coordinator in
            let own = try Hand(coordinator, token: coordinator.tokens.join, machine: "own")
            let volunteer = try Hand(coordinator, token: coordinator.mint().token, name: "stranger")
            let job = try coordinator.submit(Self.sum + "}")
            #expect(try volunteer.work("3"))
            #expect(try coordinator.text("/v1/jobs/\(job)/results").isEmpty)
            #expect(try own.work("3"))
            #expect(try coordinator.reaches("done", job))
            let machines = try coordinator.text("/v1/machines")
            #expect(machines.contains(#""state":"new""#))
            #expect(machines.contains(#""accepted":1"#))
        }
    }

    @Test func whoLiesIsOut() async throws {
        try await withCoordinator { coordinator in
            let liar = try Hand(coordinator, token: coordinator.mint().token, name: "liar")
            let own = try Hand(coordinator, token: coordinator.tokens.join, machine: "own")
            for _ in 0..<3 {
                let job = try coordinator.submit(Self.sum + "}")
                #expect(try liar.work("666"))
                #expect(try own.work("3"))
                #expect(try coordinator.reaches("done", job))
            }
            _ = try coordinator.submit(Self.sum + "}")
            #expect(try !liar.work("666"))
            #expect(try coordinator.text("/servers").contains(#""state":"distrusted""#))
            #expect(try coordinator.text("/v1/machines").contains(#""state":"distrusted""#))
            #expect(try own.work("3"))
        }
    }

    @Test func revokingATokenRemovesWhoCameByIt() async throws {
        try await withCoordinator { coordinator in
            let (id, token) = try coordinator.mint()
            let (_, other) = try coordinator.mint()
            let own = try Hand(coordinator, token: coordinator.tokens.join, machine: "own")
            let gone = try Hand(coordinator, token: token)
            let stays = try Hand(coordinator, token: other)
            let job = try coordinator.submit(Self.sum + "}")
            #expect(try gone.work("3"))
            #expect(coordinator.ask("DELETE", "/v1/tokens/\(id)", token: coordinator.tokens.admin)?.status == 200)
            #expect(coordinator.ask("DELETE", "/v1/tokens/\(id)", token: coordinator.tokens.admin)?.status == 200)
            #expect(coordinator.ask("DELETE", "/v1/tokens/99", token: coordinator.tokens.admin)?.status == 404)
            let ask = #"{"kernels":["sum"],"waitSeconds":0}"#
            #expect(coordinator.ask("POST", "/v1/leases", token: gone.identity.secret, body: ask)?.status == 401)
            #expect(coordinator.ask("POST", "/v1/members", token: token, body: "{}")?.status == 401)
            let again = #"{"id":\#(gone.identity.id),"secret":"\#(gone.identity.secret)"}"#
            #expect(coordinator.ask("POST", "/v1/members", token: token, body: again)?.status == 401)
            // Its vote counts no more: two others have to say it.
            #expect(try stays.work("3"))
            #expect(try coordinator.text("/v1/jobs/\(job)/results").isEmpty)
            #expect(try own.work("3"))
            #expect(try coordinator.reaches("done", job))
        }
    }

    @Test(arguments: ["3", "666"]) func aLoneVolunteerIsCheckedByTheCoordinator(value: String) async throws {
        try await withCoordinator { coordinator in
            let volunteer = try Hand(coordinator, token: coordinator.mint().token, name: "lone")
            for _ in 0..<3 {
                let job = try coordinator.submit(Self.sum + "}")
                #expect(try volunteer.work(value))
                #expect(try coordinator.reaches("done", job))
                let worker = value == "3" ? "lone" : "coordinator"
                let results = try coordinator.text("/v1/jobs/\(job)/results")
                #expect(results.hasPrefix(#"{"task":0,"value":3,"worker":"\#(worker)""#), "\(results)")
            }
            let state = value == "3" ? "new" : "distrusted"
            #expect(try coordinator.text("/v1/machines").contains(#""state":"\#(state)""#))
        }
    }

    /// Others are there, but none of them asks for work.
    @Test func whatNobodyConfirmsTheCoordinatorChecks() async throws {
        try await withCoordinator(refereePatience: .milliseconds(100)) { coordinator in
            _ = try Hand(coordinator, token: coordinator.tokens.join, machine: "own")
            let volunteer = try Hand(coordinator, token: coordinator.mint().token, name: "stranger")
            let job = try coordinator.submit(Self.sum + "}")
            #expect(try volunteer.work("3"))
            #expect(try coordinator.reaches("done", job))
            #expect(try coordinator.text("/v1/jobs/\(job)/results").contains(#""worker":"stranger""#))
        }
    }

    /// A thousand machines, each by a token of its own, at once: none is refused, and work is still handed out.
    @Test func aThousandJoinAtOnce() async throws {
        let coordinator = try await TestCoordinator(HTTPServer.Configuration(), AccessSettings())
        let tokens = try await onThread { try (0..<1_000).map { _ in try coordinator.mint().token } }
        let joined = try await withThrowingTaskGroup(of: Int.self) { group in
            for thread in 0..<16 {
                group.addTask {
                    try await onThread {
                        stride(from: thread, to: tokens.count, by: 16).count { place in
                            coordinator.ask("POST", "/v1/members", token: tokens[place], body: "{}")?.status == 201
                        }
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(joined == 1_000)
        try await onThread {
            let machines = try coordinator.text("/v1/machines")
            #expect(machines.split(separator: "\"machine\":\"token-").count == 1_001)
            let own = try Hand(coordinator, token: coordinator.tokens.join, machine: "own")
            let job = try coordinator.submit(Self.sum + "}")
            #expect(try own.work("3"))
            #expect(try coordinator.reaches("done", job))
        }
        await coordinator.stop()
    }

    @Test func aResultIsNobodyElses() async throws {
        try await withCoordinator { coordinator in
            let thief = try Hand(coordinator, token: coordinator.mint().token)
            let own = try Hand(coordinator, token: coordinator.tokens.join, machine: "own")
            _ = try coordinator.submit(Self.sum + #","quorum":"2/3"}"#)
            var grant = try #require(try own.ask())
            // Another's ticket, as if it were one's own.
            #expect(try thief.deliver(grant, "666") == .forged)
            #expect(try own.deliver(grant, "3") == .recorded(1))
            #expect(try own.deliver(grant, "3") == .stale)
            grant.key.first += 1
            #expect(try own.deliver(grant, "3") == .forged)
        }
    }
}

extension CoordinatorTrustTests {
    /// Declared, it is refused before anything of it is read; in chunks, the connection is cut soon after the bound.
    @Test(arguments: [true, false]) func aResultOfTenGigabytes(isDeclared: Bool) async throws {
        try await withCoordinator { coordinator in
            let worker = try Hand(coordinator, token: coordinator.mint().token)
            let client = RawClient(port: coordinator.port)
            let length = isDeclared ? "Content-Length: 10737418240" : "Transfer-Encoding: chunked"
            let secret = worker.identity.secret
            let head = "POST /v1/results HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(secret)\r\n\(length)\r\n\r\n"
            client.send(Array(head.utf8))
            if isDeclared {
                let answer = String(decoding: client.rest() ?? [], as: UTF8.self)
                #expect(answer.hasPrefix("HTTP/1.1 413 "), "\(answer.prefix(200))")
            } else {
                let piece = Array("100000\r\n".utf8) + [UInt8](repeating: 0x20, count: 1 << 20) + Array("\r\n".utf8)
                var megabytes = 0
                while megabytes < 1_024, client.send(piece) { megabytes += 1 }
                #expect(megabytes < 1_024)
            }
            #expect(coordinator.ask("GET", "/healthz")?.status == 200)
        }
    }
}
