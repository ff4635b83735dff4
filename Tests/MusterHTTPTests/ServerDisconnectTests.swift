import Glibc
import MusterServerKit
import Testing

@testable import MusterHTTP

/// How a client goes.
enum Departure: String, CaseIterable, Sendable {
    case close, reset, halfClose

    func happen(to client: RawClient) {
        switch self {
        case .close: client.close()
        case .reset: client.reset()
        case .halfClose: client.halfClose()
        }
    }
}

/// What the server is doing for a client when it goes.
enum HeldState: String, CaseIterable, Sendable {
    case held, heldAfterBody, task, idleStream, streamWithUnreadBytes
    case uploadReaderWaits, uploadWithoutReader, uploadReadAndUnanswered

    /// Brings a connection there. False when that failed.
    func arrange(_ client: RawClient, _ server: TestServer) -> Bool {
        let length = "Content-Length: \(8 << 20)\r\n"
        switch self {
        case .held:
            client.request("GET", "/held")
            return server.held.wait() != nil
        case .heldAfterBody:
            client.request("POST", "/held", body: "some")
            return server.held.wait() != nil
        case .task:
            client.request("GET", "/task")
            return server.bodies.wait() != nil
        case .idleStream, .streamWithUnreadBytes:
            client.request("GET", "/stream")
            guard let stream = server.streams.wait(), client.response(headOnly: true) != nil else { return false }
            if self == .idleStream { return true }
            let isTaken = stream.write([UInt8](repeating: 0, count: 32 << 20))
            // The server has begun to send, and cannot end.
            return isTaken && client.take(1) != nil && stream.bufferedBytes > 0
        case .uploadReaderWaits:
            // It answers only when it has read all.
            client.request("POST", "/upload", length)
            return client.send("first") && server.bodies.wait() != nil
        case .uploadWithoutReader:
            // More than the reader's buffer: the connection is suspended with the rest in the socket's buffer. That must have
            // room for the end: behind bytes that the system cannot bring, nobody sees it.
            client.request("POST", "/upload/late", length)
            let isFull = client.send([UInt8](repeating: 0, count: HTTPBodyReader.bufferBytesMax))
            guard isFull, let reader = server.readers.wait(),
                Self.isSoon({ reader.bufferedBytes == HTTPBodyReader.bufferBytesMax })
            else { return false }
            return client.send([UInt8](repeating: 0, count: 4 << 10)) && Self.isSoon { reader.holdsBack }
        case .uploadReadAndUnanswered:
            client.request("POST", "/upload/late", body: "some")
            guard let reader = server.readers.wait() else { return false }
            return Self.isSoon { reader.bufferedBytes == 4 }
        }
    }

    private static func isSoon(_ look: () -> Bool) -> Bool {
        for _ in 0..<20_000 where !look() { usleep(500) }
        return look()
    }
}

/// libmicrohttpd does not watch connections that it has suspended; these tests show that the server does.
@Suite(.serialized) struct ServerDisconnectTests {
    @Test(arguments: HeldState.allCases, Departure.allCases)
    func isNoticed(_ state: HeldState, _ departure: Departure) async throws {
        try await withTestServer { server in
            let client = server.client()
            try #require(state.arrange(client, server))
            let gone = ContinuousClock.now
            departure.happen(to: client)
            let noticed = try #require(server.notices.wait())
            #expect(noticed - gone < .seconds(5))
            // Nothing of it stays once the client hung up wholly, whether or not others come.
            client.close()
            for _ in 0..<10_000 where server.server.statistics.connections > 0 { usleep(500) }
            #expect(server.server.statistics.connections == 0, "\(state) \(departure)")
            #expect(server.server.statistics.underWay == 0)
            #expect(server.notices.all.count == 1, "noticed once, not twice")
            print("notice \(state.rawValue) \(departure.rawValue): \((noticed - gone) / .milliseconds(1)) ms")
        }
    }

    /// What breaks off is forgotten, too, where others of its thread stay open and say nothing.
    @Test(arguments: [HeldState.idleStream, .streamWithUnreadBytes], Departure.allCases)
    func othersKeepNothingOpen(_ state: HeldState, _ departure: Departure) async throws {
        try await withTestServer(.with { $0.threads = 1 }) { server in
            let other = server.client()
            #expect(other.ask("GET", "/hello")?.text == "hello")
            let client = server.client()
            try #require(state.arrange(client, server))
            departure.happen(to: client)
            #expect(server.notices.wait() != nil)
            client.close()
            for _ in 0..<10_000 where server.server.statistics.connections > 1 { usleep(500) }
            #expect(server.server.statistics.connections == 1)
            #expect(other.ask("GET", "/hello")?.text == "hello", "the other stayed open")
        }
    }

    /// The same for one whose body ends with the connection.
    @Test func anOldVersionsConnectionIsForgotten() async throws {
        try await withTestServer(.with { $0.threads = 1 }) { server in
            let other = server.client()
            #expect(other.ask("GET", "/hello")?.text == "hello")
            let client = server.client()
            client.send(Array("GET /stream HTTP/1.0\r\nHost: a\r\n\r\n".utf8))
            let stream = try #require(server.streams.wait())
            #expect(client.response(headOnly: true)?.status == 200)
            stream.finish()
            _ = client.rest()
            for _ in 0..<10_000 where server.server.statistics.connections > 1 { usleep(500) }
            #expect(server.server.statistics.connections == 1)
        }
    }

    /// An end that comes with the last bytes, of whole requests and of halves, is seen: no connection stays behind.
    @Test(arguments: ["GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "GET /hello HTTP/1.1\r\nHo", "G", ""])
    func hastyClients(_ request: String) async throws {
        try await withTestServer { server in
            for _ in 0..<300 {
                let client = server.client()
                client.send(Array(request.utf8))
                client.close()
            }
            for _ in 0..<10_000 where server.server.statistics.connections > 0 { usleep(500) }
            #expect(server.server.statistics.connections == 0)
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
        }
    }

    /// Answers to clients that are gone go nowhere, and hurt nobody.
    @Test(arguments: Departure.allCases)
    func lateAnswers(_ departure: Departure) async throws {
        try await withTestServer { server in
            for round in 0..<50 {
                let client = server.client()
                client.request("GET", "/held")
                let held = try #require(server.held.wait(round))
                departure.happen(to: client)
                // Sometimes before the notice, sometimes after.
                if round % 2 == 0 { _ = server.notices.wait(round / 2) }
                held.respond(.text("late"))
            }
            let streaming = server.client()
            streaming.request("GET", "/stream")
            let stream = try #require(server.streams.wait())
            departure.happen(to: streaming)
            for _ in 0..<40_000 where !stream.isClosed { usleep(500) }
            #expect(!stream.write([1]))
            stream.finish()
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
        }
    }

    /// Five thousand at once, or as many as the descriptors let: all held, all answered, all noticed when they go.
    @Test func manyHeldConnections() async throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // Both ends of each are in this process.
        let count = max(16, min(5000, Int(clamping: limit.rlim_max) / 2 - 2000))
        try await withTestServer { server in
            let clients = (0..<count).map { _ in server.client() }
            for client in clients { client.request("GET", "/held") }
            _ = try #require(server.held.wait(count - 1))
            #expect(server.server.statistics.connections == count)
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
            for held in server.held.all.prefix(count / 2) { held.respond(.text("yes")) }
            // Whose request arrived first is the system's choice: look at all until half of them have their answer.
            var leftOver = clients
            var answered = 0
            let deadline = ContinuousClock.now + .seconds(60)
            while answered < count / 2, ContinuousClock.now < deadline {
                leftOver.removeAll { client in
                    var there = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
                    guard poll(&there, 1, 0) == 1, client.response()?.text == "yes" else { return false }
                    answered += 1
                    return true
                }
            }
            #expect(answered == count / 2)
            #expect(leftOver.count == count - count / 2)
            let gone = ContinuousClock.now
            for client in leftOver { client.close() }
            let last = try #require(server.notices.wait(leftOver.count - 1))
            print("notice of \(leftOver.count) at once: the last after \((last - gone) / .milliseconds(1)) ms")
        }
    }
}
