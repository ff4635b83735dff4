internal import Glibc

/// Reads what comes down a member's WebSocket (RFC 6455), cut anywhere: the answer to the handshake, then messages, of which only
/// what a member that is a measuring device needs. Whatever the coordinator does not send is an error: fragments, masks, extensions.
struct SocketReader {
    /// What one piece brought.
    struct Found {
        var commands = 0
        var newest = 0
        /// An event asks for a sign of life.
        var isPinged = false
        /// The connection is open: the answer to its handshake came with this piece.
        var isOpened = false
        /// What was sent up was refused.
        var refused = 0
        /// Of pings of the protocol, which are to come back in pongs.
        var pongs: [[UInt8]] = []
        /// Why it is closed.
        var closeCode: Int?
    }

    /// The example of RFC 6455, 1.3: nobody in between could answer it from a cache here.
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private static let accept = "s3pplmbitxaq9kygzzhzrbk+xoo="

    private var isOpen = false
    /// The beginning of what is not whole yet.
    private var rest: [UInt8] = []

    mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>) throws -> Found {
        var found = Found()
        if rest.isEmpty {
            let used = try Self.take(bytes, &isOpen, &found)
            if used < bytes.count { rest = Array(bytes[used...]) }
        } else {
            rest += bytes
            let used = try rest.withUnsafeBufferPointer { try Self.take($0, &isOpen, &found) }
            rest.removeFirst(used)
        }
        return found
    }

    /// How many bytes were whole.
    private static func take(
        _ bytes: UnsafeBufferPointer<UInt8>, _ isOpen: inout Bool, _ found: inout Found
    ) throws -> Int {
        var used = 0
        if !isOpen {
            guard let end = bytes.indices.dropLast(3).first(where: { bytes[$0] == 13 && bytes[$0 + 2] == 13 }) else {
                return 0
            }
            let head = String(decoding: bytes[..<end], as: UTF8.self)
            guard head.hasPrefix("HTTP/1.1 101"), head.lowercased().contains("sec-websocket-accept: \(accept)") else {
                throw MembersError("a WebSocket was refused: \(head.prefix { $0 != "\r\n" })")
            }
            (isOpen, found.isOpened, used) = (true, true, end + 4)
        }
        while let frame = try frame(bytes, from: used) {
            try take(frame, UnsafeBufferPointer(rebasing: bytes[frame.payload]), &found)
            used = frame.payload.upperBound
        }
        return used
    }

    private struct Frame {
        var opcode: UInt8
        var payload: Range<Int>
    }

    /// The one that begins there (RFC 6455, 5.2); nil: it is not whole.
    private static func frame(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) throws -> Frame? {
        guard bytes.count - start >= 2 else { return nil }
        let (first, second) = (bytes[start], bytes[start + 1])
        guard first & 0xF0 == 0x80, second & 0x80 == 0 else {
            throw MembersError("a frame that begins with \(first), \(second)")
        }
        let extra = second == 126 ? 2 : second == 127 ? 8 : 0
        let begin = start + 2 + extra
        guard bytes.count >= begin else { return nil }
        let length = extra == 0 ? Int(second) : bytes[start + 2..<begin].reduce(0) { $0 << 8 | Int($1) }
        guard bytes.count - begin >= length else { return nil }
        return Frame(opcode: first & 0x0F, payload: begin..<begin + length)
    }

    private static func take(_ frame: Frame, _ payload: UnsafeBufferPointer<UInt8>, _ found: inout Found) throws {
        switch frame.opcode {
        case 1: try message(payload, &found)
        case 8: found.closeCode = payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : 1005
        case 9: found.pongs.append(Array(payload))
        case 10: break
        default: throw MembersError("a frame of kind \(frame.opcode)")
        }
    }

    private static let opening: StaticString = #"{"event":""#

    /// `{"event":NAME,"data":{…}}`.
    private static func message(_ text: UnsafeBufferPointer<UInt8>, _ found: inout Found) throws {
        guard starts(text, with: opening, at: 0) else {
            throw MembersError("no event: \(String(decoding: text.prefix(80), as: UTF8.self))")
        }
        let name = opening.utf8CodeUnitCount
        if starts(text, with: #"command""#, at: name) {
            found.commands += 1
            found.newest = max(found.newest, try id(text, from: name))
        } else if starts(text, with: #"ping""#, at: name) {
            found.isPinged = true
        } else if starts(text, with: #"error""#, at: name) {
            found.refused += 1
        }
    }

    /// A notice tells its id first.
    private static func id(_ text: UnsafeBufferPointer<UInt8>, from start: Int) throws -> Int {
        let name: StaticString = #""id":"#
        var place = start
        while place < text.count, !starts(text, with: name, at: place) { place += 1 }
        var id = 0
        for byte in text[min(text.count, place + name.utf8CodeUnitCount)...] {
            guard (48...57).contains(byte) else { break }
            id = id * 10 + Int(byte - 48)
        }
        guard id > 0 else { throw MembersError("no id: \(String(decoding: text.prefix(80), as: UTF8.self))") }
        return id
    }

    private static func starts(_ text: UnsafeBufferPointer<UInt8>, with part: StaticString, at place: Int) -> Bool {
        text.count - place >= part.utf8CodeUnitCount
            && memcmp(text.baseAddress! + place, part.utf8Start, part.utf8CodeUnitCount) == 0
    }
}
