internal import Glibc

/// Frames from a client (RFC 6455, 5.3): each under a mask of its own.
struct SocketWriter {
    enum Kind: UInt8 {
        case text = 1
        case close = 8
        case pong = 10
    }

    private var frame: [UInt8] = []
    private var state = UInt64.random(in: 1 ... .max)

    /// At most 125 bytes. Whether all of it is on its way.
    mutating func send(_ kind: Kind, _ payload: [UInt8], to socket: Int32) -> Bool {
        build(kind, payload)
        return frame.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) == $0.count }
    }

    private mutating func build(_ kind: Kind, _ payload: [UInt8]) {
        precondition(payload.count <= 125)
        var mask = nextMask()
        frame.removeAll(keepingCapacity: true)
        frame.append(0x80 | kind.rawValue)
        frame.append(0x80 | UInt8(payload.count))
        withUnsafeBytes(of: &mask) { frame.append(contentsOf: $0) }
        for (place, byte) in payload.enumerated() {
            frame.append(byte ^ UInt8(truncatingIfNeeded: mask >> (8 * UInt32(place & 3))))
        }
    }

    /// xorshift64*: the system's generator is a call of the kernel for each.
    private mutating func nextMask() -> UInt32 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return UInt32(truncatingIfNeeded: (state &* 0x2545_F491_4F6C_DD1D) >> 32)
    }
}
