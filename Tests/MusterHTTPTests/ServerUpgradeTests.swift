import Glibc
import MusterServerKit
import Testing

@testable import MusterHTTP

@Suite(.timeLimit(.minutes(2))) struct ServerUpgradeTests {
    /// A server whose `/over` hands its connection to the test.
    private func withServer(
        _ configuration: HTTPServer.Configuration = .with { _ in },
        _ body: @escaping @Sendable (HTTPServer, Kept<HTTPUpgrade.Line>) throws -> Void
    ) async throws {
        let lines = Kept<HTTPUpgrade.Line>()
        let server = HTTPServer(
            configuration,
            routes: [
                HTTPRoute("GET", "/over") { _ in
                    .respond(HTTPResponse(status: 101, body: .upgrade(HTTPUpgrade(to: "other") { lines.add($0) })))
                },
                HTTPRoute("GET", "/") { _ in .respond(.text("here")) },
            ])
        try server.start()
        try await onThread { try body(server, lines) }
        await server.shutdown(graceSeconds: 1)
    }

    @Test func bytesGoBothWays() async throws {
        try await withServer { server, lines in
            let client = RawClient(port: server.port, capSeconds: 20)
            client.send("GET /over HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\nearly")
            let head = try #require(client.response(headOnly: true))
            #expect(head.status == 101)
            #expect(head["upgrade"] == "other")
            let line = try #require(lines.wait())
            var got = line.early
            var room = [UInt8](repeating: 0, count: 100)
            client.send("late")
            while got.count < 9 {
                let count = recv(line.descriptor, &room, room.count, 0)
                if count < 0, errno == EAGAIN {
                    usleep(500)
                    continue
                }
                try #require(count > 0)
                got += room[..<count]
            }
            #expect(String(decoding: got, as: UTF8.self) == "earlylate")
            #expect(send(line.descriptor, "answer", 6, 0) == 6)
            #expect(client.take(6).map { String(decoding: $0, as: UTF8.self) } == "answer")
            // It counts until it is released, and others are served meanwhile.
            #expect(RawClient(port: server.port, capSeconds: 20).ask("GET", "/")?.text == "here")
            #expect(holdsAtLast { server.statistics.connections == 1 })
            usleep(200_000)
            #expect(server.statistics.connections == 1)
            line.release()
            #expect(holdsAtLast { server.statistics.connections == 0 })
            #expect(client.isClosedByServer())
        }
    }

    /// More than an address may have are refused as any other connection.
    @Test func theyCountForTheirAddress() async throws {
        try await withServer(.with { $0.limits.connectionsPerAddress = 20 }) { server, lines in
            let clients = (0..<20).map { _ in RawClient(port: server.port, capSeconds: 20) }
            for client in clients {
                client.send("GET /over HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
                #expect(client.response(headOnly: true)?.status == 101)
            }
            #expect(RawClient(port: server.port, capSeconds: 20).ask("GET", "/")?.status == 503)
            for place in clients.indices { lines.wait(place)?.release() }
            #expect(holdsAtLast { RawClient(port: server.port, capSeconds: 20).ask("GET", "/")?.status == 200 })
        }
    }
}
