package import MusterWire

/// The name of a file: the SHA-256 of its bytes.
package struct FileDigest: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of one.
    package static let byteCount = 32
    /// Digits of one.
    package static let digitCount = 64

    // No vector of four, which wants to lie at multiples of 32 bytes: frames of async functions, where digests live long, lie at those of 16.
    private let first, second, third, fourth: UInt64

    private init(_ words: [UInt64]) { (first, second, third, fourth) = (words[0], words[1], words[2], words[3]) }

    private func word(_ place: Int) -> UInt64 {
        switch place {
        case 0: first
        case 1: second
        case 2: third
        default: fourth
        }
    }

    /// Exactly 32 bytes.
    package init(bytes: some Collection<UInt8>) {
        precondition(bytes.count == Self.byteCount, "\(bytes.count) bytes are no SHA-256")
        var words: [UInt64] = [0, 0, 0, 0]
        for (place, byte) in bytes.enumerated() { words[place / 8] = words[place / 8] << 8 | UInt64(byte) }
        self.init(words)
    }

    /// 64 hexadecimal digits in lower case, so that a file has one name only; nil for anything else.
    package init?(hex: some Collection<UInt8>) {
        guard hex.count == Self.digitCount else { return nil }
        var words: [UInt64] = [0, 0, 0, 0]
        for (place, digit) in hex.enumerated() {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            words[place / 16] = words[place / 16] << 4 | UInt64(value)
        }
        self.init(words)
    }

    package init?(hex: some StringProtocol) {
        self.init(hex: Array(hex.utf8))
    }

    /// From a segment of a path, unescaped. Throws a `Problem` (422) with the offending text for what is no digest.
    package init(text: String) throws(Problem) {
        guard let digest = FileDigest(hex: text) else {
            throw Problem(
                422,
                "\"\(text.prefix(80))\" is no file's name: that is the SHA-256 of its bytes, as 64 hexadecimal digits in"
                    + " lower case.", code: "digest")
        }
        self = digest
    }

    package var bytes: [UInt8] {
        (0..<Self.byteCount).map { UInt8(truncatingIfNeeded: word($0 / 8) >> UInt64(8 * (7 - $0 % 8))) }
    }

    /// Its digits.
    package var hex: [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return (0..<Self.digitCount).map { digits[Int(word($0 / 16) >> UInt64(4 * (15 - $0 % 16)) & 15)] }
    }

    package var description: String { String(decoding: hex, as: UTF8.self) }
}
