import MusterServerKit
import Testing

@testable import MusterHTTPClient

@Suite struct HandshakeTests {
    /// RFC 6455, 1.3.
    private let handshake = WebSocketHandshake(random: Array("the sample nonce".utf8))
    private static let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    private static let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n"

    @Test func asTheRFCHasIt() {
        #expect(handshake.key == "dGhlIHNhbXBsZSBub25jZQ==")
        #expect(handshake.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(WebSocketHandshake().key != WebSocketHandshake().key)
    }

    @Test(arguments: [
        ("http://u:p@a.example:8080/x/y?z=1#f", "GET /x/y?z=1 HTTP/1.1", "Host: a.example:8080"),
        ("https://[::1]", "GET / HTTP/1.1", "Host: [::1]"), ("http://a?b", "GET /?b HTTP/1.1", "Host: a"),
    ])
    func theRequest(_ url: String, _ line: String, _ host: String) {
        let request = HTTPClientRequest("GET", url, headers: [("Authorization", "Bearer x")])
        let lines = String(decoding: handshake.bytes(of: request, userAgent: "t"), as: UTF8.self)
            .split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines[0] == line)
        #expect(lines[1] == host)
        #expect(
            lines[2...].sorted() == [
                "", "", "Authorization: Bearer x", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Version: 13", "Upgrade: websocket", "User-Agent: t",
            ])
    }

    @Test func anAnswerCutAnywhere() {
        let text = Array(
            "HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 101 X\r\n\(Self.upgrade)\(Self.accept)\r\nrest".utf8)
        for cut in 0...text.count {
            var handshake = handshake
            let first = handshake.receive(text[..<cut])
            if case .open(let early) = first {
                #expect(early == Array("rest".utf8.prefix(cut - text.count + 4)))
                continue
            }
            #expect(first == .more)
            #expect(handshake.receive(text[cut...]) == .open(early: Array("rest".utf8)))
        }
    }

    static let refused: [(String, Int?)] = [
        ("HTTP/1.1 404 Not Found\r\n\r\n", 404), ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200),
        ("HTTP/1.1 426 X\r\nUpgrade: websocket\r\n\r\n", 426), ("HTTP/1.1 401 X\r\n\r\n", 401),
        ("HTTP/1.1 101 X\r\n\(upgrade)\r\n", 101),
        ("HTTP/1.1 101 X\r\n\(upgrade)Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO=\r\n\r\n", 101),
        ("HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\(accept)\r\n", 101),
        ("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\(accept)\r\n", 101),
        ("HTTP/1.1 101 X\r\n\(upgrade)\(accept)Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 101),
        ("HTTP/1.1 101 X\r\n\(upgrade)\(accept)Sec-WebSocket-Protocol: chat\r\n\r\n", 101),
        ("HTTP/1.0 101 X\r\n\(upgrade)\(accept)\r\n", nil), ("SSH-2.0-OpenSSH\r\n", nil), ("\r\n", nil),
        ("HTTP/1.1 101 X\r\nA: " + String(repeating: "x", count: 300 << 10), nil),
        ("HTTP/1.1 101 X\r\n" + String(repeating: "A: b\r\n", count: 1_001), nil),
    ]

    @Test(arguments: refused.indices) func whatIsNoAnswerToIt(_ place: Int) {
        var handshake = handshake
        let (text, status) = Self.refused[place]
        guard case .failed(let found, let reason) = handshake.receive(Array(text.utf8)) else {
            Issue.record("taken: \(text.prefix(300))")
            return
        }
        #expect(found == status)
        #expect(!reason.isEmpty)
    }
}
