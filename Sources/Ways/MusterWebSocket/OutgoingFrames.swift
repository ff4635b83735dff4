/// What one connection is being sent: messages, each one frame of a server (RFC 6455, 5.2: its head has 2 to 10 bytes, no mask).
///
/// Bytes of a message are whoever wrote it's: many connections send the same ones.
struct OutgoingFrames {
    struct Message {
        let bytes: [UInt8]
        let isBinary: Bool
        /// What it counts where it waits: an empty one takes memory, too.
        var weight: Int { bytes.count + 32 }
    }

    private var messages: [Message] = []
    /// Of `messages`: those that are sent.
    private var done = 0
    /// Of the next one's frame.
    private var bytesSent = 0

    var isEmpty: Bool { messages.isEmpty }
    /// A part of a frame is sent, so that the rest of it comes next.
    var isInFrame: Bool { bytesSent > 0 }

    /// Only where it is empty.
    mutating func add(_ more: [Message]) { messages = more }
    mutating func removeAll() { self = OutgoingFrames() }

    /// As much as there is room for, of the next frame only if `onlyNext`; returns how many bytes.
    func copy(into room: UnsafeMutableRawBufferPointer, onlyNext: Bool = false) -> Int {
        var (used, skipped) = (0, bytesSent)
        for message in messages[done...].prefix(onlyNext ? 1 : Int.max) {
            if used == room.count { break }
            used += Self.copy(message, after: skipped, into: UnsafeMutableRawBufferPointer(rebasing: room[used...]))
            skipped = 0
        }
        return used
    }

    /// So many bytes of what was copied are gone.
    mutating func sent(_ count: Int) {
        bytesSent += count
        while done < messages.count {
            let size = Self.headBytes(messages[done].bytes.count) + messages[done].bytes.count
            if bytesSent < size { return }
            bytesSent -= size
            done += 1
        }
        removeAll()
    }

    private static func headBytes(_ count: Int) -> Int { count < 126 ? 2 : count < 1 << 16 ? 4 : 10 }

    private static func copy(_ message: Message, after skipped: Int, into room: UnsafeMutableRawBufferPointer) -> Int {
        var used = 0
        for place in skipped..<max(skipped, headBytes(message.bytes.count)) where used < room.count {
            room[used] = headByte(place, message)
            used += 1
        }
        let begin = max(0, skipped - headBytes(message.bytes.count))
        let count = min(message.bytes.count - begin, room.count - used)
        if count > 0 {
            message.bytes.withUnsafeBytes {
                room[used...].copyBytes(from: $0[begin..<begin + count])
            }
        }
        return used + count
    }

    private static func headByte(_ place: Int, _ message: Message) -> UInt8 {
        let (count, bytes) = (message.bytes.count, headBytes(message.bytes.count))
        return switch place {
        case 0: message.isBinary ? 0x82 : 0x81
        case 1: bytes == 2 ? UInt8(count) : bytes == 4 ? 126 : 127
        default: UInt8(truncatingIfNeeded: count >> (8 * (bytes - 1 - place)))
        }
    }
}
