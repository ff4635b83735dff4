import Glibc
import MusterAPI
import MusterServerKit
import MusterWebSocket
import MusterWire
import Testing

/// A member's end of a WebSocket, on a thread of the test.
final class SocketClient {
    let raw: RawClient
    private let framing = WebSocketFraming(.client, messageBytesMax: 1 << 20)!
    private var messages: [WebSocketFraming.Message] = []

    /// Asks for the socket as this member. Fails where the answer is none.
    init(_ coordinator: TestCoordinator, _ member: MemberIdentity, seen: Int? = nil) throws {
        raw = RawClient(port: coordinator.port, capSeconds: 20)
        let target = "/v1/members/\(member.id)/socket" + (seen.map { "?seen=\($0)" } ?? "")
        raw.send(Self.handshake(target, ["Authorization: Bearer \(member.secret)"]))
        let head = try #require(raw.response(headOnly: true))
        try #require(head.status == 101)
        // RFC 6455, 1.3: the answer to this key.
        #expect(head["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    static func handshake(_ target: String, _ headers: [String], version: String = "HTTP/1.1") -> String {
        let lines = [
            "Host: a", "Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        // A header of the caller's own takes the place of ours.
        let names = headers.map { $0.prefix { $0 != ":" } }
        let kept = lines.filter { line in !names.contains(line.prefix { $0 != ":" }) }
        return (["GET \(target) \(version)"] + kept + headers).joined(separator: "\r\n") + "\r\n\r\n"
    }

    func send(_ text: String) {
        _ = framing.queue(text: Array(text.utf8))
        flush()
    }

    func send(binary bytes: [UInt8]) {
        _ = framing.queue(bytes, isBinary: true)
        flush()
    }

    func flush() {
        var room = [UInt8](repeating: 0, count: 1 << 16)
        while framing.wantsToSend {
            let count = room.withUnsafeMutableBytes { framing.send(into: $0) }
            raw.send(Array(room[..<count]))
        }
    }

    /// The next text; nil once the other end closes.
    func next() -> String? {
        while messages.isEmpty {
            guard framing.codeReceived == nil, let byte = raw.take(1) else { return nil }
            byte.withUnsafeBytes { messages += framing.receive($0) }
        }
        if case .text(let bytes) = messages.removeFirst() { return String(decoding: bytes, as: UTF8.self) }
        return next()
    }

    /// The next of that event, passing over others.
    func next(_ event: String) -> String? {
        while let text = next() {
            if text.hasPrefix("{\"event\":\"\(event)\",") { return text }
        }
        return nil
    }

    /// With which code the other end closes.
    func closingCode() -> Int? {
        while next() != nil {}
        return framing.codeReceived
    }
}
