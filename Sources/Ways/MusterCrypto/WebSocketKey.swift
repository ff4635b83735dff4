internal import CCrypto

/// The key of a WebSocket handshake (RFC 6455, 4.2.2).
package enum WebSocketKey {
    private static let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// What answers a key: 20 bytes, sent in base64 as `Sec-WebSocket-Accept`.
    package static func accept(_ key: String) -> [UInt8] {
        let text = Array((key + suffix).utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        precondition(SHA1(text, text.count, &digest) != nil, "libcrypto has no SHA-1")
        return digest
    }
}
