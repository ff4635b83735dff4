import FoundationEssentials
import Glibc
import MusterAPI
import MusterServerKit
import MusterWire
import Testing

@testable import MusterHTTP

private func openDescriptors() -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
}

@Suite(.serialized) struct ServerLimitTests {
    static let unfinished: [String] = [
        "", "GET", "GET /hello HTTP/1.1\r\nHost: a", "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf",
        "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf",
        "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\nTransfer-Encoding: chunked\r\n\r\n",
    ]

    @Test(arguments: unfinished)
    func silenceIsCut(_ start: String) async throws {
        try await withTestServer(.with { $0.limits.idleSeconds = 1 }) { server in
            let client = server.client()
            client.send(start)
            #expect(client.isClosedByServer())
            for _ in 0..<10_000 where server.server.statistics.connections > 0 { usleep(500) }
            #expect(server.server.statistics.connections == 0)
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
        }
    }

    /// What waits for the server, not for the client, is not idle.
    @Test func heldRequestsOutliveTheIdleTime() async throws {
        try await withTestServer(.with { $0.limits.idleSeconds = 1 }) { server in
            let (held, stream) = (server.client(), server.client())
            held.request("GET", "/held")
            stream.request("GET", "/stream")
            let (request, body) = (try #require(server.held.wait()), try #require(server.streams.wait()))
            // Two connections that are cut for their silence, one after the other, show that the time is over.
            for _ in 0..<2 { #expect(server.client().isClosedByServer()) }
            request.respond(.text("patience"))
            _ = body.write(Array("patience".utf8))
            body.finish()
            #expect(held.response()?.text == "patience")
            #expect(stream.response()?.text == "patience")
        }
    }

    /// A request that comes byte by byte is served as long as it moves.
    @Test func slowDrip() async throws {
        try await withTestServer(.with { $0.limits.idleSeconds = 2 }) { server in
            let client = server.client()
            for byte in "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ndrip".utf8 {
                client.send([byte])
                usleep(2000)
            }
            #expect(client.response()?.text == "drip")
        }
    }

    @Test func tooManyConnections() async throws {
        try await withTestServer(
            .with {
                $0.limits.connectionsMax = 20
                $0.limits.connectionsPerAddress = 1_000
            }
        ) { server in
            var clients: [RawClient] = []
            for _ in 0..<20 {
                let client = server.client()
                #expect(client.ask("GET", "/hello")?.status == 200)
                clients.append(client)
            }
            let refused = try #require(server.client().ask("GET", "/hello"))
            #expect(refused.status == 503)
            #expect(refused["retry-after"] == "5")
            #expect(refused["content-type"] == Problem.contentType)
            clients.removeLast().close()
            for _ in 0..<10_000 where server.server.statistics.connections > 19 { usleep(500) }
            clients.append(server.client())
            #expect(clients[19].ask("GET", "/hello")?.status == 200)
            // Far above the limit connections are cut without a word, and it still serves those it has.
            let crowd = (0..<Admission.surplusMax + 50).map { _ in server.client(capSeconds: 30) }
            #expect(clients[0].ask("GET", "/hello")?.status == 200)
            // Those that say nothing make room soon: who comes then is told.
            for client in crowd { #expect(client.isClosedByServer()) }
            for _ in 0..<10_000 where server.server.statistics.connections > 20 { usleep(500) }
            #expect(server.client().ask("GET", "/hello")?.status == 503)
            clients.removeLast().close()
            for _ in 0..<10_000 where server.server.statistics.connections > 19 { usleep(500) }
            #expect(server.client().ask("GET", "/hello")?.status == 200)
        }
    }

    /// One address cannot take the places of all: who comes from another is served, and it is told itself.
    @Test func tooManyConnectionsOfOneAddress() async throws {
        try await withTestServer(.with { $0.limits.connectionsPerAddress = 20 }) { server in
            let clients = (0..<20).map { _ in server.client() }
            for client in clients { #expect(client.ask("GET", "/hello")?.status == 200) }
            for target in ["/hello", "/prepared"] {
                let refused = try #require(server.client().ask("GET", target))
                #expect(refused.status == 503)
                #expect(refused["retry-after"] == "5" && refused["connection"] == "close")
                #expect(refused.text.contains("20") && refused.text.contains("--connections-per-address"))
            }
            let crowd = (0..<Admission.surplusOfAddressMax + 50).map { _ in server.client(capSeconds: 30) }
            let other = RawClient(port: server.port, from: "127.0.0.2")
            #expect(other.ask("GET", "/hello")?.status == 200)
            for client in crowd { #expect(client.isClosedByServer()) }
            for _ in 0..<10_000 where server.server.statistics.connections > 20 { usleep(500) }
            // Those that were cut without an answer count, too; those that said nothing were refused nothing.
            let cut = (server.server.statistics.limitsMet[.connectionsPerAddress] ?? 0) - 2
            #expect((1...crowd.count).contains(cut), "\(cut)")
            #expect(server.client().ask("GET", "/hello")?.status == 503)
            clients[0].close()
            for _ in 0..<10_000 where server.server.statistics.connections > 20 { usleep(500) }
            #expect(server.client().ask("GET", "/hello")?.status == 200)
        }
    }

    /// What is refused by a bound is counted by its name, where the server refuses it, libmicrohttpd, or a handler.
    @Test func limitsThatAreMetAreCounted() async throws {
        try await withTestServer { server in
            #expect(server.server.limitsMet == [])
            #expect(server.client().ask("GET", "/nowhere")?.status == 404)
            #expect(server.server.limitsMet == [])
            let large = TestRoutes.bodyBytesMax + 1
            server.client().send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: \(large)\r\n\r\n")
            for _ in 0..<20_000 where server.server.limitsMet.isEmpty { usleep(500) }
            let chunked = server.client()
            chunked.send("POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            chunked.send("\(String(large, radix: 16))\r\n" + String(repeating: "z", count: large) + "\r\n0\r\n\r\n")
            #expect(chunked.response()?.status == 413)
            let bodies = try #require(server.server.limitsMet.first)
            #expect(server.server.limitsMet.count == 1 && bodies.name == "request-body" && bodies.count == 2)
            #expect(bodies.detail.contains("\(TestRoutes.bodyBytesMax)") && bodies.flag == nil)
            #expect((0..<600).contains(bodies.secondsAgo))
            let head = server.client()
            head.send("GET /hello HTTP/1.1\r\nHost: a\r\nX-Large: " + String(repeating: "h", count: 32 << 10))
            #expect(head.response()?.status == 431)
            for _ in 0..<20_000 where server.server.limitsMet.count < 2 { usleep(500) }
            #expect(server.server.limitsMet.map(\.name) == ["request-head", "request-body"])
            #expect(server.server.statistics.limitsMet == [.requestHead: 1, .requestBody: 2])
        }
    }

    /// A detail is cut, and the entries are as many as there are names.
    @Test func countingLimitsTakesBoundedMemory() {
        let met = LimitsMet()
        for limit in LimitName.allCases {
            for _ in 0..<3 { met.note(limit, String(repeating: "x", count: 1 << 20)) }
        }
        #expect(met.statuses.count == LimitName.allCases.count)
        #expect(met.statuses.allSatisfy { $0.count == 3 && $0.detail.utf8.count <= 1_024 })
    }

    @Test func connectionsLeaveNoDescriptors() async throws {
        try await withTestServer(.with { $0.limits.idleSeconds = 1 }) { server in
            #expect(server.client().ask("GET", "/hello")?.status == 200)
            for _ in 0..<10_000 where server.server.statistics.connections > 0 { usleep(500) }
            let before = openDescriptors()
            for round in 0..<1000 {
                let client = server.client()
                switch round % 5 {
                case 0: client.send("GET /hel")
                case 1:
                    client.request("GET", "/held")
                    _ = server.held.wait(round / 5)
                case 2: client.request("POST", "/upload", "Content-Length: 100\r\n")
                case 3: client.request("GET", "/stream")
                default: #expect(client.ask("GET", "/hello")?.status == 200)
                }
                if round % 2 == 0 { client.close() } else { client.reset() }
            }
            for _ in 0..<20_000 where server.server.statistics.connections > 0 { usleep(500) }
            #expect(server.server.statistics.connections == 0)
            // Other tests of this process open and close theirs meanwhile: a leak would be a thousand.
            #expect(openDescriptors() - before < 900)
        }
    }

    @Test func shutdownFinishesWhatIsInFlight() async throws {
        let server = try TestServer()
        try await onThread {
            let (held, stream, idle) = (server.client(), server.client(), server.client())
            held.request("GET", "/held")
            stream.request("GET", "/stream")
            #expect(idle.ask("GET", "/hello")?.status == 200)
            let (request, body) = (try #require(server.held.wait()), try #require(server.streams.wait()))
            let isDown = Kept<Bool>()
            Task {
                await server.server.shutdown(graceSeconds: 10)
                isDown.add(true)
            }
            // No new requests on old connections, no new connections.
            var refused: RawResponse?
            let deadline = ContinuousClock.now + .seconds(20)
            while refused == nil, ContinuousClock.now < deadline, let answer = idle.ask("GET", "/hello") {
                if answer.status != 200 { refused = answer }
            }
            // The last answer before may have closed the connection already: then nothing is refused any more.
            if let refused { #expect(refused.status == 503) }
            #expect(isDown.all.isEmpty)
            request.respond(.text("in flight"))
            _ = body.write(Array("whole".utf8))
            body.finish()
            #expect(held.response()?.text == "in flight")
            let streamed = stream.response()
            #expect(streamed?.text == "whole" && streamed?.isWhole == true)
            #expect(isDown.wait() == true)
        }
    }

    /// What nobody ends in time is cut; the shutdown itself ends, whatever state connections are in.
    @Test(arguments: HeldState.allCases)
    func shutdownCutsWhatDoesNotEnd(_ state: HeldState) async throws {
        let server = try TestServer()
        let client = try await onThread {
            let client = Handed(server.client())
            try #require(state.arrange(client.value, server))
            return client
        }
        await server.server.shutdown(graceSeconds: 0)
        try await onThread {
            #expect(client.value.isClosedByServer())
            #expect(server.notices.wait() != nil)
        }
    }

    /// Hands a client from one thread to the next. `@unchecked Sendable`: never used by two at a time.
    private struct Handed: @unchecked Sendable {
        let value: RawClient
        init(_ value: RawClient) { self.value = value }
    }

    @Test func aTakenPortIsNamed() async throws {
        try await withTestServer { server in
            var configuration = HTTPServer.Configuration()
            configuration.port = server.port
            let second = HTTPServer(configuration, routes: [])
            let error = #expect(throws: HTTPServerError.self) { try second.start() }
            #expect(error?.message.contains(":\(server.port)") == true)
        }
    }
}
