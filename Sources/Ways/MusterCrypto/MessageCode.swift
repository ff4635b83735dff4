internal import CCrypto
internal import Synchronization

/// A secret key and the codes made with it: HMAC-SHA-256 (RFC 2104), from OpenSSL's libcrypto.
package struct MessageKey: Sendable {
    package let bytes: [UInt8]
    private let keyed: KeyedCode

    /// Any length; 32 bytes are right.
    package init(bytes: [UInt8]) {
        self.bytes = bytes
        keyed = KeyedCode(key: bytes)
    }

    /// 32 fresh bytes from the system's generator.
    package static func random() -> MessageKey { MessageKey(bytes: randomBytes(32)) }

    /// 32 bytes.
    package func code(of message: [UInt8]) -> [UInt8] { keyed.code(of: message) }

    /// The first 16 bytes of the code, as 32 lower-case hex digits: 128 bits, beyond guessing.
    package func tag(of message: String) -> String {
        hex(code(of: Array(message.utf8)).prefix(16))
    }
}

/// Libcrypto's context of one key, made once: each request that shows a member's secret asks for a code.
private final class KeyedCode: Sendable {
    private let context: Mutex<OpaquePointer>

    init(key: [UInt8]) {
        guard let made = muster_hmac_sha256_new(key, key.count) else {
            preconditionFailure("libcrypto has no HMAC with SHA-256")
        }
        context = Mutex(made)
    }

    deinit { context.withLock { EVP_MAC_CTX_free($0) } }

    func code(of message: [UInt8]) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: 32)
        let worked = context.withLock { muster_hmac_sha256($0, message, message.count, &out) }
        precondition(worked == 1, "libcrypto could not compute an HMAC")
        return out
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
