import MusterAPI
import MusterCore
import MusterFleetCore
import MusterHTTP
import MusterMembership
import MusterRole
import MusterServerKit
import MusterServices
import MusterWebSocket
import Testing

@testable import MusterCoordinator

/// Members on WebSockets, by the bytes.
@Suite(.timeLimit(.minutes(2))) struct MemberSocketTests {
    private static func head(_ coordinator: TestCoordinator, _ request: String) -> RawResponse? {
        let client = RawClient(port: coordinator.port, capSeconds: 20)
        client.send(request)
        return client.response(headOnly: true)
    }

    @Test(
        "what is no handshake is told what it lacks",
        arguments: [
            ("Upgrade: h2c", 426), ("Connection: close", 426), ("Sec-WebSocket-Version: 8", 426),
            ("Sec-WebSocket-Key: c2hvcnQ=", 400), ("Sec-WebSocket-Key: !", 400), ("Sec-WebSocket-Protocol: chat", 400),
        ])
    func refusals(line: String, status: Int) async throws {
        try await withCoordinator { coordinator in
            let me = try coordinator.join()
            let target = "/v1/members/\(me.id)/socket"
            let head = Self.head(
                coordinator, SocketClient.handshake(target, [line, "Authorization: Bearer \(me.secret)"]))
            #expect(head?.status == status)
            if status == 426 {
                #expect(head?["upgrade"] == "websocket")
                #expect(head?["sec-websocket-version"] == "13")
            }
        }
    }

    @Test("only the member itself, by its header or by a subprotocol")
    func rights() async throws {
        try await withCoordinator { coordinator in
            let (me, other) = (try coordinator.join(), try coordinator.join())
            let target = "/v1/members/\(me.id)/socket"
            func status(_ headers: [String]) -> Int? {
                Self.head(coordinator, SocketClient.handshake(target, headers))?.status
            }
            #expect(status([]) == 401)
            #expect(status(["Authorization: Bearer \(coordinator.tokens.admin)"]) == 403)
            #expect(status(["Authorization: Bearer \(other.secret)"]) == 403)
            #expect(status(["Sec-WebSocket-Protocol: muster, bearer.\(other.secret)"]) == 403)
            #expect(status(["Sec-WebSocket-Protocol: bearer.\(me.secret)"]) == 400)
            let seen = SocketClient.handshake(target + "?seen=none", ["Authorization: Bearer \(me.secret)"])
            #expect(Self.head(coordinator, seen)?.status == 422)
            let chosen = Self.head(
                coordinator, SocketClient.handshake(target, ["Sec-WebSocket-Protocol: muster, bearer.\(me.secret)"]))
            #expect(chosen?.status == 101)
            #expect(chosen?["sec-websocket-protocol"] == "muster")
            // Elsewhere it is no token.
            let subprotocol = [(name: "Sec-WebSocket-Protocol", value: "muster, bearer.\(coordinator.tokens.admin)")]
            #expect(coordinator.ask("GET", "/v1/members", headers: subprotocol)?.status == 401)
            let asked = SocketClient.handshake(
                "/v1/members", ["Sec-WebSocket-Protocol: muster, bearer.\(coordinator.tokens.admin)"])
            #expect(Self.head(coordinator, asked)?.status == 401)
            #expect(coordinator.ask("DELETE", "/v1/members/\(me.id)", token: me.secret)?.status == 200)
            #expect(status(["Authorization: Bearer \(me.secret)"]) == 401)
        }
    }

    @Test("HTTP/1.0 and HEAD have no upgrade")
    func olderRequests() async throws {
        try await withCoordinator { coordinator in
            let me = try coordinator.join()
            let lines = ["Authorization: Bearer \(me.secret)"]
            let request = SocketClient.handshake("/v1/members/\(me.id)/socket", lines)
            let old = SocketClient.handshake("/v1/members/\(me.id)/socket", lines, version: "HTTP/1.0")
            #expect(Self.head(coordinator, old)?.status == 426)
            #expect(Self.head(coordinator, request.replacing("GET", with: "HEAD", maxReplacements: 1))?.status == 426)
            #expect(coordinator.ask("GET", "/healthz")?.status == 200)
        }
    }

    @Test("commands go down, acknowledgements up, and are over when all have them")
    func commands() async throws {
        try await withCoordinator { coordinator in
            let (first, second) = (try coordinator.join(), try coordinator.join())
            let lines = [try SocketClient(coordinator, first), try SocketClient(coordinator, second)]
            #expect(
                lines[1].next() == #"{"event":"rank","data":{"rank":1,"view":\#(Self.view(coordinator)),"members":2}}"#)
            for text in ["GO", "STOP"] {
                let sent = coordinator.ask(
                    "POST", "/v1/commands", token: coordinator.tokens.admin, body: #"{"command":"\#(text)"}"#)
                #expect(sent?.status == 202)
            }
            for line in lines {
                #expect(line.next("command")?.contains(#""command":"GO""#) == true)
                #expect(line.next("command")?.contains(#""command":"STOP""#) == true)
            }
            lines[0].send(#"{"acknowledged":2}"#)
            lines[1].send(#"{"acknowledged":1,"number":7}"#)
            #expect(lines[1].next("heartbeat")?.contains(#""number":7"#) == true)
            let admin = coordinator.tokens.admin
            #expect(coordinator.ask("GET", "/v1/commands/1", token: admin)?.text.contains(#""delivered":2"#) == true)
            #expect(
                holdsAtLast {
                    coordinator.ask("GET", "/v1/commands/2", token: admin)?.text.contains(#""delivered":1"#) == true
                })
            // What it has not is told again, and nothing else.
            lines[1].raw.close()
            let again = try SocketClient(coordinator, second, seen: 1)
            #expect(again.next("command")?.contains("STOP") == true)
        }
    }

    private static func view(_ coordinator: TestCoordinator) -> Int {
        Int(coordinator.coordinator.common.lock.withLock { $0.core.membership.view })
    }

    @Test("what is no heartbeat is told so, and nothing is answered that has no number")
    func answers() async throws {
        try await withCoordinator { coordinator in
            let line = try SocketClient(coordinator, try coordinator.join())
            _ = line.next("rank")
            line.send("{")
            #expect(line.next()?.hasPrefix(#"{"event":"error","data":{"type":"/problems/not-json""#) == true)
            line.send(#"{"acknowledged":"x"}"#)
            #expect(line.next()?.contains(#""status":422"#) == true)
            line.send(#"{"acknowledged":"x","number":4}"#)
            #expect(line.next()?.hasSuffix(#","number":4}}"#) == true)
            line.send("{}")
            line.send(#"{"number":9}"#)
            #expect(line.next() == #"{"event":"heartbeat","data":{"success":true,"rank":0,"members":1,"number":9}}"#)
        }
    }

    @Test("the newest connection counts, of either kind")
    func replaced() async throws {
        try await withCoordinator { coordinator in
            let me = try coordinator.join()
            let old = try SocketClient(coordinator, me)
            let new = try SocketClient(coordinator, me)
            #expect(old.closingCode() == 4000)
            let stream = RawClient(port: coordinator.port, capSeconds: 20)
            stream.send(
                "GET /v1/members/\(me.id)/stream HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(me.secret)\r\n\r\n")
            #expect(stream.response(headOnly: true)?.status == 200)
            #expect(new.closingCode() == 4000)
            let newest = try SocketClient(coordinator, me)
            // The last chunk.
            #expect(stream.line(until: Array("\r\n0\r\n\r\n".utf8)) != nil)
            #expect(newest.next("rank") != nil)
        }
    }

    @Test("who goes is told so, and whose connection breaks is suspected")
    func ends() async throws {
        try await withCoordinator { coordinator in
            let (me, other) = (try coordinator.join(), try coordinator.join())
            let line = try SocketClient(coordinator, me)
            let broken = try SocketClient(coordinator, other)
            #expect(coordinator.ask("DELETE", "/v1/members/\(me.id)", token: me.secret)?.status == 200)
            #expect(line.closingCode() == 4001)
            broken.raw.reset()
            #expect(
                holdsAtLast {
                    coordinator.ask("GET", "/v1/members/\(other.id)", token: coordinator.tokens.admin)?.text
                        .contains(#""suspect""#) == true
                })
        }
    }

    @Test("the coordinator's end is told")
    func shutdown() async throws {
        let coordinator = try await TestCoordinator(.init(), .init())
        async let code = onThread { try SocketClient(coordinator, try coordinator.join()).closingCode() }
        _ = try await eventually {
            coordinator.coordinator.common.lock.withLock { $0.core.membership.isConnected(MemberID(1)) } ? true : nil
        }
        await coordinator.stop()
        #expect(try await code == 1001)
    }

    @Test(
        "what may not be sent ends the connection with its code, and is counted",
        arguments: [
            // Without a mask; bad UTF-8; a gigabyte; a ping in pieces.
            (1002, [0x81, 0x02, 0x7B, 0x7D] as [UInt8]),
            (1007, [0x81, 0x81, 0, 0, 0, 0, 0xFF]), (1009, [0x81, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]),
            (1002, [0x09, 0x80, 0, 0, 0, 0]),
        ])
    func faults(code: Int, bytes: [UInt8]) async throws {
        try await withCoordinator { coordinator in
            let line = try SocketClient(coordinator, try coordinator.join())
            line.raw.send(bytes)
            #expect(line.closingCode() == code)
            line.flush()
            line.raw.close()
            let counted = "muster_websockets_ended_total{code=\"\(code)\"} 1\n"
            #expect(
                holdsAtLast {
                    coordinator.ask("GET", "/metrics", token: coordinator.tokens.read)?.text.contains(counted) == true
                })
        }
    }
}
