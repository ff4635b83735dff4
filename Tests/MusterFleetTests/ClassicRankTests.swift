import Glibc
import MusterHTTPClient
import MusterTestKit
import MusterWire
import Synchronization
import Testing

/// Old clients: known by an address only, called back.
@Suite(.timeLimit(.minutes(3))) struct ClassicRankTests {
    private func ask(_ fleet: Fleet, _ method: String, _ path: String, _ body: String) async throws -> (Int, String) {
        var request = HTTPClientRequest(method, fleet.url + path, timeout: .seconds(60))
        request.body = Array(body.utf8)
        let response = try await fleet.http.send(request)
        return (response.status, String(decoding: response.body, as: UTF8.self))
    }

    private func rank(_ fleet: Fleet, _ member: OldMember) async throws -> String {
        try await ask(fleet, "POST", "/assign-rank", "{\"ip_port\":\"\(member.address)\"}").1
    }

    @Test func ranksByAddress() async throws {
        try await Fleet.run(flags: ["--open-classic"]) { fleet in
            let members = try (0..<3).map { _ in try OldMember() }
            for (place, member) in members.enumerated() {
                #expect(try await rank(fleet, member) == "{\"rank\":\(place)}")
                #expect(try await rank(fleet, member) == "{\"rank\":\(place)}")
            }
            let sent = try await ask(
                fleet, "POST", "/send-command", "{\"ip_port\":\"\(members[0].address)\",\"command\":\"GO\"}")
            #expect(sent.0 == 200)
            #expect(
                sent.1 == "{\"\(members[1].address)\":{\"success\":true},\"\(members[2].address)\":{\"success\":true}}")
            #expect(members[0].heard.withLock { $0 }.isEmpty)
            for member in members[1...] {
                #expect(member.heard.withLock { $0 } == [#"{"sender":0,"command":"GO"}"#])
            }
            let last = "{\"ip_port\":\"\(members[2].address)\",\"command\":\"GO\"}"
            #expect(try await ask(fleet, "POST", "/send-command", last).1 == "{}")
            // A doubled slash is one.
            let gone = try await ask(fleet, "DELETE", "//unassign-rank", "{\"ip_port\":\"\(members[0].address)\"}")
            #expect(gone == (200, "{\"success\":true}"))
            #expect(try await rank(fleet, members[1]) == "{\"rank\":0}")
            let stranger = try await ask(fleet, "DELETE", "/unassign-rank", "{\"ip_port\":\"\(members[0].address)\"}")
            #expect(stranger.0 == 404 && stranger.1.contains(members[0].address))
            // An unknown sender is ranked last first.
            let unknown = "{\"ip_port\":\"\(members[0].address)\",\"command\":\"GO\"}"
            #expect(try await ask(fleet, "POST", "/send-command", unknown) == (200, "{}"))
            #expect(try await rank(fleet, members[0]) == "{\"rank\":2}")
            for member in members { await member.stop() }
        }
    }

    /// Who joined with a secret of its own: old routes, which ask for none, are not for others to speak in its name.
    @Test func nobodySpeaksForAMemberWithASecret() async throws {
        try await Fleet.run(flags: ["--open-classic"]) { fleet in
            let member = try OldMember()
            let body = Array(
                #"{"name":"own","role":"client","callback":"\#(member.address)","incarnation":"0123456789abcdef"}"#.utf8
            )
            _ = try await fleet.demand("POST", "/v1/members", body, status: 201)
            let asked = "{\"ip_port\":\"\(member.address)\",\"command\":\"FORGED\"}"
            #expect(try await ask(fleet, "POST", "/send-command", asked).0 == 403)
            let gone = "{\"ip_port\":\"\(member.address)\"}"
            #expect(try await ask(fleet, "DELETE", "/unassign-rank", gone).0 == 403)
            #expect(try await rank(fleet, member) == #"{"rank":0}"#)
            // Nor does an old member's name among processes get anyone its secret.
            let thief = #"{"name":"thief","role":"client","incarnation":"callback http://127.0.0.1:1"}"#
            _ = try await fleet.demand("POST", "/v1/members", Array(thief.utf8), status: 422)
            await member.stop()
        }
    }

    /// It is alive while it accepts connections, and is forgiven for the silence time.
    @Test func aDeadOneIsUnranked() async throws {
        try await Fleet.run(flags: ["--open-classic", "--silence-seconds", "3"]) { fleet in
            let (dead, alive) = (try OldMember(), try OldMember())
            #expect(try await rank(fleet, dead) == #"{"rank":0}"#)
            #expect(try await rank(fleet, alive) == #"{"rank":1}"#)
            // It has no other route: any answer is a sign of life.
            try await Task.sleep(for: .seconds(4))
            #expect(try await rank(fleet, alive) == #"{"rank":1}"#)
            await dead.stop()
            try await eventually("the other moved up") { try await rank(fleet, alive) == #"{"rank":0}"# }
            await alive.stop()
        }
    }

    @Test(arguments: [0, 1, 2, 3])
    func aBadCallbackDelaysNobody(_ manner: Int) async throws {
        let manners: [OldMember.Manner] = [.failing, .redirecting, .hanging, .endless]
        try await Fleet.run(flags: ["--open-classic", "--silence-seconds", "2"]) { fleet in
            let (first, bad, good) = (try OldMember(), try OldMember(manners[manner]), try OldMember())
            for member in [first, bad, good] { _ = try await rank(fleet, member) }
            let body = "{\"ip_port\":\"\(first.address)\",\"command\":\"GO\"}"
            async let answer = ask(fleet, "POST", "/send-command", body)
            try await eventually("the good one has it") { good.heard.withLock { $0.count } == 1 }
            let (status, text) = try await answer
            #expect(status == 200)
            #expect(text.contains("\"\(good.address)\":{\"success\":true}"))
            #expect(text.contains("\"\(bad.address)\":{\"success\":false}"))
            if manner < 2 { #expect(bad.heard.withLock { $0.count } == 1) }
            for member in [first, bad, good] { await member.stop() }
        }
    }

    @Test(arguments: [
        ("{}", 422), (#"{"ip_port":5}"#, 422), (#"{"ip_port":"http://a b:1"}"#, 422),
        (#"{"ip_port":"ftp://a:1"}"#, 422),
        (#"{"ip_port":"http://a:99999"}"#, 422), (#"{"ip_port":"http://a:1/path"}"#, 422), ("", 400), ("[", 400),
    ])
    func nonsenseIsRefused(_ body: String, _ status: Int) async throws {
        try await Fleet.run(flags: ["--open-classic"]) { fleet in
            for (method, path) in [("POST", "/assign-rank"), ("DELETE", "/unassign-rank"), ("POST", "/send-command")] {
                let answer = try await ask(fleet, method, path, body)
                #expect(answer.0 == status)
            }
            let names = try await fleet.memberNames()
            #expect(names.isEmpty)
        }
        try await Fleet.run { fleet in
            let answer = try await ask(fleet, "POST", "/assign-rank", #"{"ip_port":"http://127.0.0.1:9"}"#)
            #expect(answer.0 == 401)
        }
    }
}
