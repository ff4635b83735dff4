import MusterCrypto
import MusterJSON
import MusterWebSocket

@testable import MusterHTTPClient

extension RawConnection {
    /// Reads a handshake and answers it. Nil: none came.
    @discardableResult
    func takeHandshake(_ early: [UInt8] = []) -> RawRequest? {
        guard let request = request(), let key = request["sec-websocket-key"] else { return nil }
        write(Array(Self.answer(to: key).utf8) + early)
        return request
    }

    static func answer(to key: String, more: String = "") -> String {
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
            + "Sec-WebSocket-Accept: \(Base64.encoded(WebSocketKey.accept(key)))\r\n\(more)\r\n"
    }

    /// A server's end until the connection's: each message goes to `take`, which returns what is to be sent; false ends it.
    func serve(_ framing: WebSocketFraming, _ take: (WebSocketFraming.Message) -> Bool) {
        flush(framing)
        while !framing.isOver, let bytes = bytes() {
            for message in bytes.withUnsafeBytes({ framing.receive($0) }) where !take(message) { return }
            flush(framing)
        }
    }

    func flush(_ framing: WebSocketFraming) {
        var room = [UInt8](repeating: 0, count: 64 << 10)
        while case let count = room.withUnsafeMutableBytes({ framing.send(into: $0) }), count > 0 {
            guard write(Array(room[..<count])) else { return }
        }
    }
}

extension WebSocketFraming {
    static var server: WebSocketFraming { WebSocketFraming(.server, messageBytesMax: 64 << 20)! }
}
