import Testing

@testable import MusterWebSocket

@Suite struct OutgoingFramesTests {
    private static let sizes = [0, 1, 125, 126, 300, 65_535, 65_536, 70_000]

    @Test(arguments: [1, 3, 1_000, 1 << 17], [1, 7, 1 << 20]) func anyRoomDoes(_ room: Int, _ taken: Int) {
        var frames = OutgoingFrames()
        let messages = Self.sizes.map { size in (0..<size).map { UInt8($0 % 251) } }
        frames.add(messages.enumerated().map { .init(bytes: $1, isBinary: $0 % 2 == 0) })
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: room)
        // Small bites of large messages would take for ever.
        while !frames.isEmpty {
            let count = piece.withUnsafeMutableBytes { frames.copy(into: $0) }
            let sent = all.count < 1_000 ? min(count, taken) : count
            all += piece[..<sent]
            frames.sent(sent)
        }
        #expect(all == Self.framed(messages))
    }

    @Test func theNextAlone() {
        var frames = OutgoingFrames()
        frames.add([.init(bytes: [1, 2], isBinary: true), .init(bytes: [3], isBinary: true)])
        var room = [UInt8](repeating: 0, count: 100)
        frames.sent(3)
        #expect(frames.isInFrame)
        #expect(room.withUnsafeMutableBytes { frames.copy(into: $0, onlyNext: true) } == 1)
        #expect(room[0] == 2)
        frames.sent(1)
        #expect(!frames.isInFrame && !frames.isEmpty)
        #expect(room.withUnsafeMutableBytes { frames.copy(into: $0) } == 3)
        frames.sent(3)
        #expect(frames.isEmpty)
    }

    /// RFC 6455, 5.2.
    private static func framed(_ messages: [[UInt8]]) -> [UInt8] {
        messages.enumerated().flatMap { place, message -> [UInt8] in
            let first: UInt8 = place % 2 == 0 ? 0x82 : 0x81
            let count = message.count
            let length: [UInt8] =
                count < 126
                ? [UInt8(count)]
                : count < 65_536
                    ? [126, UInt8(count >> 8), UInt8(count & 255)]
                    : [127, 0, 0, 0, 0] + [24, 16, 8, 0].map { UInt8(count >> $0 & 255) }
            return [first] + length + message
        }
    }
}
