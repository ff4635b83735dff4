import FoundationEssentials
import Glibc
import MusterAPI
import MusterCore
import MusterHTTP
import MusterHTTPClient
import MusterServerKit
import MusterWebSocket
import Testing

@testable import MusterCoordinatorLine

private let hasProgram = system("command -v openssl >/dev/null") == 0

@Suite(.timeLimit(.minutes(2)), .enabled(if: hasProgram, "needs the openssl program")) struct LineTLSTests {
    /// A certificate for 127.0.0.1 and its key, in a folder of their own.
    private func certificate() throws -> String {
        var template = Array("/tmp/muster-line-XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        let made = system(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
                + " -addext subjectAltName=IP:127.0.0.1 -keyout \(folder)/key.pem -out \(folder)/cert.pem 2>/dev/null")
        try #require(made == 0)
        return folder
    }

    @Test func overTLS() async throws {
        let folder = try certificate()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (pem, key) = (
            try String(contentsOfFile: folder + "/cert.pem", encoding: .utf8),
            try String(contentsOfFile: folder + "/key.pem", encoding: .utf8)
        )
        let coordinator = try FakeCoordinator { ($0.tlsCertificate, $0.tlsKey) = (pem, key) }
        let identity = MemberIdentity(id: MemberID(7), secret: "s")
        let url = "https://127.0.0.1:\(coordinator.port)"
        let heard = Kept<ServerSentEvent>()
        let listener = CoordinatorLine.Listener {
            CommandID(0)
        } opened: {
        } heard: {
            for event in $0 { heard.add(event) }
        }

        let client = HTTPClient(HTTPClient.Configuration(tlsCAFile: folder + "/cert.pem"))
        let line = CoordinatorLine(to: url, by: client)
        let holding = Task { try await line.hold(identity, listener) }
        let outcomes = Kept<LineOutcome>()
        #expect(await eventually { line.send(Heartbeat(leases: []), of: identity.id) { outcomes.add($0) } })
        guard case .answered = await outcomes.awaited() else {
            Issue.record("no answer")
            return
        }
        // More than a record of TLS, and than one reading takes.
        let text = String(repeating: "x", count: 200_000)
        _ = coordinator.sockets[0].write(Array("{\"event\":\"ping\",\"data\":\"\(text)\"}".utf8))
        #expect(await heard.awaited()?.data == "\"\(text)\"")
        // More than the system takes at one time: what TLS did not take is offered again.
        let socket = try await client.openWebSocket(HTTPClientRequest("GET", url + "/v1/members/8/socket"))
        let (long, before) = ([UInt8](repeating: 0x78, count: 60_000), coordinator.messages.value)
        for _ in 0..<30 { #expect(await eventually { socket.write(long) }) }
        #expect(await eventually { coordinator.messages.value == before + 30 })
        holding.cancel()
        _ = await holding.result
        client.close()

        // Nobody's certificate.
        let stranger = HTTPClient()
        await #expect(throws: CoordinatorLine.End.self) {
            try await CoordinatorLine(to: url, by: stranger).hold(identity, listener)
        }
        #expect(coordinator.asked.all == ["socket 0", "socket "])
        stranger.close()
        await coordinator.stop()
    }
}
