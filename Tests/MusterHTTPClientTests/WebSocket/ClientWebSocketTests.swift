import MusterServerKit
import MusterWebSocket
import Synchronization
import Testing

@testable import MusterHTTPClient

@Suite(.timeLimit(.minutes(2))) struct ClientWebSocketTests {
    /// A WebSocket of a client whose server, once the handshake is done, runs `script`.
    private func open(
        _ settings: WebSocketConnection.Settings = .init(), early: [UInt8] = [],
        _ script: @escaping @Sendable (RawConnection) -> Void
    ) async throws -> (WebSocketConnection, RawServer) {
        let server = RawServer { connection in
            guard connection.takeHandshake(early) != nil else { return }
            script(connection)
        }
        return (
            try await HTTPClient().openWebSocket(HTTPClientRequest("GET", server.url + "/socket"), settings), server
        )
    }

    private func texts(_ socket: WebSocketConnection, _ count: Int = .max) async -> [String] {
        var texts: [String] = []
        while texts.count < count, let more = await socket.next() {
            texts += more.map { String(decoding: $0, as: UTF8.self) }
        }
        return texts
    }

    @Test func textsGoBothWays() async throws {
        let codes = Kept<Int>()
        let (socket, server) = try await open { connection in
            let framing = WebSocketFraming.server
            connection.serve(framing) { message in
                if case .text(let text) = message { return framing.queue(text: text) }
                return true
            }
            codes.add(framing.codeReceived ?? 0)
        }
        let sent = (0..<2_000).map { "number \($0) " + String(repeating: "ü", count: $0) }
        let writing = Task { [sent] in
            for text in sent { while !socket.write(Array(text.utf8)) { try await Task.sleep(for: .milliseconds(1)) } }
        }
        #expect(await texts(socket, sent.count) == sent)
        try await writing.value
        socket.close()
        #expect(!socket.write([0x61]), "nothing behind a close")
        #expect(await socket.next() == nil)
        #expect(socket.ending?.code == 1000)
        #expect(await codes.awaited() == 1000)
        server.stop()
    }

    @Test func whatComesWithTheHandshakeIsNotLost() async throws {
        let (socket, server) = try await open(early: [0x81, 1, 0x61, 0x81, 1]) { connection in
            connection.write([0x62])
            connection.awaitEnd()
        }
        #expect(await texts(socket, 2) == ["a", "b"])
        server.stop()
    }

    @Test func aMessageInPieces() async throws {
        // "one" in three frames with a ping among them, a byte at a time.
        let bytes: [UInt8] = [0x01, 1, 0x6F, 0x00, 1, 0x6E, 0x89, 2, 0x68, 0x69, 0x80, 1, 0x65]
        let pongs = Kept<[UInt8]>()
        let (socket, server) = try await open { connection in
            for byte in bytes { connection.write([byte]) }
            var heard: [UInt8] = []
            // A pong: FIN, 10, masked.
            while heard.count < 8, let more = connection.bytes() { heard += more }
            pongs.add(heard)
            connection.awaitEnd()
        }
        #expect(await texts(socket, 1) == ["one"])
        let pong = try #require(await pongs.awaited())
        #expect(pong[0] == 0x8A && pong[1] == 0x82)
        #expect((0..<2).map { pong[6 + $0] ^ pong[2 + $0] } == [0x68, 0x69])
        server.stop()
    }

    static let faults: [(frame: [UInt8], code: Int)] = [
        ([0x82, 1, 0x61], 1003), ([0x81, 0x81, 1, 2, 3, 4, 5], 1002), ([0xC1, 1, 0x61], 1002), ([0x81, 1, 0xFF], 1007),
        ([0x81, 126, 0x10, 0x00], 1009), ([0x83, 0], 1002),
    ]

    @Test(arguments: faults.indices) func whatTheServerMayNot(_ place: Int) async throws {
        let (frame, code) = Self.faults[place]
        let codes = Kept<Int>()
        var settings = WebSocketConnection.Settings()
        settings.messageBytesMax = 1_000
        let (socket, server) = try await open(settings) { connection in
            connection.write(frame)
            let framing = WebSocketFraming.server
            connection.serve(framing) { _ in true }
            codes.add(framing.codeReceived ?? 0)
        }
        #expect(await texts(socket) == [])
        #expect(await codes.awaited() == code)
        #expect(socket.ending?.reason.contains("it sent") == true)
        server.stop()
    }

    @Test func theServersCodeIsKnown() async throws {
        let (socket, server) = try await open { connection in
            let framing = WebSocketFraming.server
            _ = framing.queue(text: [0x61])
            connection.flush(framing)
            framing.queueClose(4001, "Not in the fleet.")
            connection.serve(framing) { _ in true }
        }
        #expect(await texts(socket) == ["a"])
        #expect(socket.ending?.code == 4001)
        server.stop()
    }

    @Test func aServerThatIsGone() async throws {
        let (socket, server) = try await open { $0.write([0x81, 1, 0x61]) }
        #expect(await texts(socket) == ["a"])
        #expect(socket.ending == .init(code: nil, reason: "the connection broke"))
        #expect(!socket.write([0x61]))
        server.stop()
    }

    // MARK: Time

    @Test func aServerThatAnswersPingsIsThere() async throws {
        var settings = WebSocketConnection.Settings()
        (settings.quietTime, settings.silenceTime) = (.milliseconds(20), .seconds(30))
        let (socket, server) = try await open(settings) { connection in
            let framing = WebSocketFraming.server
            var pings = 0
            connection.serve(framing) { message in
                if message == .ping { pings += 1 }
                // Each pong is heard, and another ping comes.
                return pings < 5 || (pings == 5 && framing.queue(text: Array("enough".utf8)))
            }
        }
        #expect(await texts(socket, 1) == ["enough"])
        server.stop()
    }

    @Test func aSilentOneIsNot() async throws {
        var settings = WebSocketConnection.Settings()
        (settings.quietTime, settings.silenceTime) = (.milliseconds(20), .milliseconds(60))
        let (socket, server) = try await open(settings) { $0.awaitEnd() }
        #expect(await texts(socket) == [])
        #expect(socket.ending?.reason.contains("nothing came") == true)
        server.stop()
    }

    @Test func aCloseThatNobodyAnswers() async throws {
        var settings = WebSocketConnection.Settings()
        settings.closeTime = .milliseconds(50)
        let (socket, server) = try await open(settings) { $0.awaitEnd() }
        socket.close()
        #expect(await texts(socket) == [])
        #expect(socket.ending?.reason == "its close was not answered")
        server.stop()
    }

    @Test func aHandshakeThatHangs() async throws {
        let server = RawServer { connection in
            _ = connection.request()
            connection.awaitEnd()
        }
        var settings = WebSocketConnection.Settings()
        settings.handshakeTime = .milliseconds(50)
        let failure = await failure(server.url, settings)
        #expect(failure?.isHung == true)
        #expect(failure?.status == nil)
        #expect(await eventually { server.openConnections == 0 })
        server.stop()
    }

    // MARK: What is none

    private func failure(_ url: String, _ settings: WebSocketConnection.Settings = .init()) async -> WebSocketFailure? {
        await #expect(throws: WebSocketFailure.self) {
            _ = try await HTTPClient().openWebSocket(HTTPClientRequest("GET", url), settings)
        }
    }

    @Test(arguments: [404, 426, 400, 200, 502, 401]) func anotherAnswer(_ status: Int) async throws {
        let server = RawServer { connection in
            _ = connection.request()
            connection.answer("no", status: "\(status) X")
        }
        let failure = await failure(server.url)
        #expect(failure?.status == status && failure?.isHung == false)
        server.stop()
    }

    @Test func aConnectionThatEnds() async throws {
        let server = RawServer { _ = $0.request() }
        #expect(await failure(server.url)?.description.contains("ended before") == true)
        server.stop()
        let nobody = await failure(server.url)
        #expect(
            nobody?.isHung == false && nobody?.description.contains("onnect") == true, "\(String(describing: nobody))")
        #expect(await failure("ftp://a/")?.description.contains("http://") == true)
    }

    // MARK: Whoever goes

    @Test func whoeverIsCancelledLeavesPolitely() async throws {
        let codes = Kept<Int>()
        let (socket, server) = try await open { connection in
            let framing = WebSocketFraming.server
            connection.serve(framing) { _ in true }
            codes.add(framing.codeReceived ?? 0)
        }
        let reading = Task { await socket.next() }
        reading.cancel()
        #expect(await reading.value == nil)
        #expect(await codes.awaited() == 1000)
        server.stop()
    }

    @Test func openingIsCancelled() async throws {
        let hasAsked = Latch()
        let server = RawServer { connection in
            _ = connection.request()
            hasAsked.open()
            connection.awaitEnd()
        }
        let url = server.url
        let opening = Task { try await HTTPClient().openWebSocket(HTTPClientRequest("GET", url)) }
        try await onThread { #expect(hasAsked.wait()) }
        opening.cancel()
        await #expect(throws: WebSocketFailure.self) { try await opening.value }
        #expect(await eventually { server.openConnections == 0 })
        server.stop()
    }

    @Test func droppingClosesIt() async throws {
        let codes = Kept<Int>()
        let server = RawServer { connection in
            connection.takeHandshake()
            let framing = WebSocketFraming.server
            connection.serve(framing) { _ in true }
            codes.add(framing.codeReceived ?? 0)
        }
        _ = try await HTTPClient().openWebSocket(HTTPClientRequest("GET", server.url))
        #expect(await codes.awaited() == 1000)
        server.stop()
    }

    /// Neither what waits for its reader nor what waits to be sent keeps it.
    @Test func closingWhereNobodyReadsAnything() async throws {
        var settings = WebSocketConnection.Settings()
        settings.closeTime = .milliseconds(50)
        let isOver = Latch()
        let (socket, server) = try await open(settings) { connection in
            let framing = WebSocketFraming.server
            for _ in 0..<60 { _ = framing.queue(text: [UInt8](repeating: 0x2E, count: 60_000)) }
            connection.flush(framing)
            isOver.open()
        }
        let text = [UInt8](repeating: 0x61, count: 10_000)
        #expect(await eventually { !socket.write(text) })
        socket.close()
        #expect(await eventually { socket.ending != nil })
        #expect(await eventually { isOver.isOpened })
        server.stop()
    }

    // MARK: Bounds

    @Test func aSlowReaderHoldsTheServerBack() async throws {
        let written = Kept<Int>()
        let (socket, server) = try await open { connection in
            let framing = WebSocketFraming.server
            for number in 0..<600 {
                _ = framing.queue(text: Array("\(number)".utf8) + [UInt8](repeating: 0x2E, count: 60_000))
                connection.flush(framing)
                written.add(number)
            }
            connection.awaitEnd()
        }
        // 36 MB are on their way: what the system holds, and 1 MiB here.
        #expect(await written.awaited(20) != nil)
        let all = await texts(socket, 600)
        #expect(all.map { $0.prefix { $0 != "." } } == (0..<600).map { "\($0)" })
        server.stop()
    }

    @Test func aServerThatDoesNotRead() async throws {
        let mayEnd = Latch()
        let (socket, server) = try await open { _ in mayEnd.wait() }
        let text = [UInt8](repeating: 0x61, count: 10_000)
        #expect(await eventually { !socket.write(text) }, "what waits is bounded")
        mayEnd.open()
        #expect(await texts(socket) == [])
        server.stop()
    }
}
