/// SipHash-2-4 with an answer of 128 bits (Aumasson and Bernstein; their reference `siphash.c` with `outlen` 16).
///
/// With a random key nobody can choose texts of one digest, and among a billion texts two share theirs with a chance of one in 10^20.
package struct KeyedDigest: Hashable, Sendable, Comparable {
    package var low: UInt64
    package var high: UInt64

    package struct Key: Hashable, Sendable {
        package var low: UInt64
        package var high: UInt64
        package init(low: UInt64, high: UInt64) { (self.low, self.high) = (low, high) }
        package init(using generator: inout some RandomNumberGenerator) {
            self.init(low: generator.next(), high: generator.next())
        }
    }

    package init(of bytes: [UInt8], key: Key) {
        var state = State(key)
        bytes.withUnsafeBytes { raw in
            var place = 0
            while place + 8 <= raw.count {
                state.take(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
                place += 8
            }
            var last = UInt64(truncatingIfNeeded: raw.count) << 56
            for (number, byte) in raw[place...].enumerated() { last |= UInt64(byte) << UInt64(8 * number) }
            state.take(last)
        }
        (low, high) = state.finish()
    }

    package static func < (one: KeyedDigest, other: KeyedDigest) -> Bool {
        (one.high, one.low) < (other.high, other.low)
    }

    private struct State {
        var (v0, v1, v2, v3): (UInt64, UInt64, UInt64, UInt64)

        init(_ key: Key) {
            v0 = 0x736f_6d65_7073_6575 ^ key.low
            v1 = 0x646f_7261_6e64_6f6d ^ key.high ^ 0xee
            v2 = 0x6c79_6765_6e65_7261 ^ key.low
            v3 = 0x7465_6462_7974_6573 ^ key.high
        }

        mutating func take(_ word: UInt64) {
            v3 ^= word
            rounds(2)
            v0 ^= word
        }

        mutating func finish() -> (low: UInt64, high: UInt64) {
            v2 ^= 0xee
            rounds(4)
            let low = v0 ^ v1 ^ v2 ^ v3
            v1 ^= 0xdd
            rounds(4)
            return (low, v0 ^ v1 ^ v2 ^ v3)
        }

        private mutating func rounds(_ count: Int) {
            func turned(_ word: UInt64, _ by: UInt64) -> UInt64 { word << by | word >> (64 - by) }
            for _ in 0..<count {
                v0 &+= v1
                v1 = turned(v1, 13) ^ v0
                v0 = turned(v0, 32)
                v2 &+= v3
                v3 = turned(v3, 16) ^ v2
                v0 &+= v3
                v3 = turned(v3, 21) ^ v0
                v2 &+= v1
                v1 = turned(v1, 17) ^ v2
                v2 = turned(v2, 32)
            }
        }
    }
}
