internal import CCrypto

/// A secret key and the codes made with it: HMAC-SHA-256 (RFC 2104), from OpenSSL's libcrypto.
package struct MessageKey: Sendable {
    package let bytes: [UInt8]

    /// Any length; 32 bytes are right.
    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// 32 fresh bytes from the system's generator.
    package static func random() -> MessageKey { MessageKey(bytes: randomBytes(32)) }

    /// 32 bytes.
    package func code(of message: [UInt8]) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: 32)
        let worked = muster_hmac_sha256(bytes, Int32(bytes.count), message, message.count, &out)
        precondition(worked == 1, "libcrypto could not compute an HMAC")
        return out
    }

    /// The first 16 bytes of the code, as 32 lower-case hex digits: 128 bits, beyond guessing.
    package func tag(of message: String) -> String {
        hex(code(of: Array(message.utf8)).prefix(16))
    }
}

/// Compares in a time that depends on the lengths alone.
package func equalInConstantTime(_ a: String, _ b: String) -> Bool {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    return a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
}

/// Bytes from the system's cryptographic generator.
package func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
}

/// Lower-case hex.
package func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var out: [UInt8] = []
    for byte in bytes {
        out.append(digits[Int(byte >> 4)])
        out.append(digits[Int(byte & 15)])
    }
    return String(decoding: out, as: UTF8.self)
}
