import Glibc
import MusterAPI
import MusterCore
import MusterHTTPClient
import MusterTestKit
import MusterWire
import Testing

/// `muster client`, `ranks`, `send`: real processes, real kills.
@Suite(.timeLimit(.minutes(3))) struct ClientTests {
    /// Says nothing by itself.
    private func start(_ fleet: Fleet, _ name: String, _ more: String...) async throws -> FleetProcess {
        let silent = ["--min-interval", "3600", "--max-interval", "3600"]
        let client = try fleet.start(["client", "--join", fleet.url, "--name", name] + silent + more)
        try await eventually("\(name) joined") { client.transcript.output.contains { $0.hasPrefix("joined as ") } }
        return client
    }

    private func startThree(_ fleet: Fleet) async throws -> [FleetProcess] {
        var clients: [FleetProcess] = []
        for name in ["ada", "ben", "cleo"] { clients.append(try await start(fleet, name)) }
        return clients
    }

    private func heard(_ client: FleetProcess) -> [String] {
        client.transcript.output.filter { $0.hasPrefix("received ") }
    }

    @Test func commandsGoDownTheRanks() async throws {
        try await Fleet.run { fleet in
            let clients = try await startThree(fleet)
            for (rank, client) in clients.enumerated() {
                #expect(client.transcript.output.first?.hasSuffix("rank \(rank)") == true)
            }
            let first = try await fleet.muster("send", "HELLO", "--from", "ada", "--wait")
            #expect(first.exitCode == 0)
            #expect(first.output == ["command 1 to 2 members", "ben\tdelivered", "cleo\tdelivered"])
            #expect(try await fleet.muster("send", "NOBODY", "--from", "cleo").output == ["command 2 to 0 members"])
            #expect(try await fleet.muster("send", "ALL", "--wait").output.count == 4)
            #expect(heard(clients[0]) == ["received ALL from the operator"])
            for client in clients[1...] {
                try await eventually("both are printed") {
                    heard(client) == ["received HELLO from ada (rank 0)", "received ALL from the operator"]
                }
            }
            let unknown = try await fleet.muster("send", "X", "--from", "nobody")
            #expect(unknown.exitCode != 0 && unknown.errors.contains { $0.contains("nobody") })
        }
    }

    @Test(arguments: [SIGTERM, SIGKILL])
    func theOthersMoveUp(_ signal: Int32) async throws {
        try await Fleet.run(flags: ["--grace-seconds", "0.3"]) { fleet in
            let clients = try await startThree(fleet)
            kill(clients[0].pid, signal)
            try await eventually("they moved up") {
                clients[1].transcript.output.contains("rank 0 of 2")
                    && clients[2].transcript.output.contains("rank 1 of 2")
            }
            #expect(try await fleet.memberNames() == ["ben", "cleo"])
            if signal == SIGTERM { #expect(try await clients[0].exitCode() == 0) }
            try await eventually("the coordinator prints the list") {
                fleet.coordinator.transcript.errors.contains { $0.contains("0 ben, 1 cleo") }
            }
        }
    }

    /// Frozen beyond the silence time it is out; when it thaws it comes back, last.
    @Test func aFrozenClientLosesItsRank() async throws {
        try await Fleet.run(flags: ["--silence-seconds", "3"]) { fleet in
            let clients = try await startThree(fleet)
            clients[0].freeze()
            try await eventually("it is out") { try await fleet.memberNames() == ["ben", "cleo"] }
            _ = try await fleet.muster("send", "MEANWHILE", "--wait")
            clients[0].thaw()
            try await eventually("it is back") { try await fleet.memberNames() == ["ben", "cleo", "ada"] }
            _ = try await fleet.muster("send", "AFTER", "--wait")
            try await eventually("it hears what is sent now") {
                heard(clients[0]) == ["received AFTER from the operator"]
            }
        }
    }

    /// Nothing is lost and nothing comes twice, whoever dies between accepting and delivering.
    @Test func ranksAndCommandsSurviveACoordinator() async throws {
        try await Fleet.run(flags: ["--silence-seconds", "30", "--grace-seconds", "30"]) { fleet in
            let clients = try await startThree(fleet)
            clients[1].freeze()
            for number in 1...20 {
                _ = try await fleet.demand(
                    "POST", "/v1/commands", CommandRequest(text: "C\(number)", from: "ada").body, status: 202)
                if number % 7 == 0 { try await fleet.crashCoordinator() }
            }
            await fleet.coordinator.kill()
            clients[1].thaw()
            try await fleet.startCoordinator()
            let wanted = (1...20).map { "received C\($0) from ada (rank 0)" }
            for client in clients[1...] {
                try await eventually("all have come") { heard(client).count >= 20 }
                #expect(heard(client) == wanted)
            }
            #expect(heard(clients[0]).isEmpty)
            #expect(try await fleet.memberNames() == ["ada", "ben", "cleo"])
            let views = [try await view(fleet, of: 1), try await view(fleet, of: 20)]
            #expect(views[0] < views[1], "a number of a view was used twice")
            try await eventually("all are acknowledged") {
                var fields = try JSONFields(body: try await fleet.demand("GET", "/v1/commands/20"))
                return try fields.int("delivered", in: 0...Int.max) == 2
            }
        }
    }

    private func view(_ fleet: Fleet, of command: Int) async throws -> Int {
        var fields = try JSONFields(body: try await fleet.demand("GET", "/v1/commands/\(command)"))
        return try #require(try fields.int("view", in: 0...Int.max))
    }

    @Test func clientsSendByThemselves() async throws {
        try await Fleet.run { fleet in
            let listener = try fleet.start([
                "client", "--join", fleet.url, "--name", "low", "--min-interval", "3600", "--max-interval", "3600",
            ])
            try await eventually("it joined") { try await fleet.memberNames() == ["low"] }
            let talker = try fleet.start([
                "client", "--join", fleet.url, "--name", "talker", "--min-interval", "0.05", "--max-interval", "0.1",
            ])
            try await eventually("it talks, to nobody below it") {
                talker.transcript.output.count { $0.hasPrefix("sent ") && $0.contains(" to 0 members") } > 3
            }
            listener.terminate()
            _ = try await listener.exitCode()
            let low = try await start(fleet, "lower")
            try await eventually("its commands come") { heard(low).count > 3 }
            #expect(heard(low).allSatisfy { $0.hasSuffix("_TRANSMIT from talker (rank 0)") })
            talker.terminate()
            #expect(try await talker.exitCode() == 0)
            try await eventually("it left") { try await fleet.memberNames() == ["lower"] }
        }
    }

    @Test func aCallbackIsAsGoodAsAConnection() async throws {
        try await Fleet.run(flags: ["--silence-seconds", "2"]) { fleet in
            _ = try await start(fleet, "ada")
            let called = try await start(fleet, "called", "--callback-port", "0")
            #expect(try await fleet.muster("send", "HELLO", "--from", "ada", "--wait").exitCode == 0)
            #expect(heard(called) == ["received HELLO from rank 0"])
            await called.kill()
            try await eventually("it is out") { try await fleet.memberNames() == ["ada"] }
        }
    }

    /// Terminal escapes of others are data.
    @Test(arguments: [("", 422), (String(repeating: "x", count: 4_097), 422), ("\u{1B}[31mred\u{7}", 202)])
    func oddCommands(_ text: String, _ status: Int) async throws {
        try await Fleet.run { fleet in
            let client = try await start(fleet, "ada")
            let answer = try await fleet.call("POST", "/v1/commands", CommandRequest(text: text).body)
            #expect(answer.status == status)
            guard status == 202 else { return }
            try await eventually("it is printed") { !heard(client).isEmpty }
            #expect(heard(client).first?.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } == true)
        }
    }

    @Test func nobodySpeaksForAnother() async throws {
        try await Fleet.run { fleet in
            let one = try await fleet.join(name: "one")
            let two = try await fleet.join(name: "two")
            let forged = CommandRequest(text: "X", from: "one").body
            #expect(try await fleet.call("POST", "/v1/commands", forged, token: two.secret).status == 403)
            let own = CommandRequest(text: "X").body
            #expect(try await fleet.call("POST", "/v1/commands", own, token: one.secret).status == 202)
            #expect(try await fleet.call("POST", "/v1/commands", own, token: "nonsense").status == 401)
            let path = "/v1/members/\(one.id)/heartbeat"
            let ack = Heartbeat(leases: [], acknowledged: CommandID(1)).body
            #expect(try await fleet.call("POST", path, ack, token: two.secret).status == 403)
            var fields = try JSONFields(body: try await fleet.demand("GET", "/v1/commands/1"))
            #expect(try fields.int("pending", in: 0...Int.max) == 1)
        }
    }
}

extension Fleet {
    /// A member that does nothing by itself.
    fileprivate func join(name: String) async throws -> MemberIdentity {
        let request = JoinRequest(
            name: name, role: .client, slots: 1, labels: [:], version: "", incarnation: "", identity: nil)
        return try JoinReply(body: await demand("POST", "/v1/members", request.body, status: 201)).identity
    }
}
