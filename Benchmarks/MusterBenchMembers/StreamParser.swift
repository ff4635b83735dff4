/// Reads the answer that carries an event stream, cut anywhere: its head, its chunks, and of the events only what a member
/// that is a measuring device needs.
struct StreamParser {
    private enum State { case head, size, sizeEnd, data, dataEnd }

    /// What one piece brought.
    struct Found {
        var commands = 0
        var newest = 0
        var isPinged = false
        /// The stream is open: its head came with this piece.
        var isOpened = false
    }

    private var state = State.head
    private var left = 0
    private var ends = 0
    /// The beginning of the line so far: nothing that matters is longer.
    private var line: [UInt8] = []
    private var status = 0
    private var id = 0
    private var isPing = false
    private static let lineMax = 40

    init() { line.reserveCapacity(Self.lineMax) }

    /// Throws when the stream was refused.
    mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>) throws -> Found {
        var found = Found()
        for byte in bytes {
            switch state {
            case .head: try head(byte, &found)
            case .size:
                if let digit = Character(Unicode.Scalar(byte)).hexDigitValue {
                    left = left * 16 + digit
                } else {
                    state = byte == 10 ? .data : .sizeEnd
                }
            case .sizeEnd: if byte == 10 { state = .data }
            case .data:
                body(byte, &found)
                left -= 1
                if left == 0 { state = .dataEnd }
            case .dataEnd:
                if byte == 10 { state = .size }
            }
        }
        return found
    }

    private mutating func head(_ byte: UInt8, _ found: inout Found) throws {
        if line.count < Self.lineMax { line.append(byte) }
        ends = byte == 10 ? ends + 1 : byte == 13 ? ends : 0
        guard ends == 2 else { return }
        let first = String(decoding: line, as: UTF8.self)
        guard first.hasPrefix("HTTP/1.1 200") else { throw MembersError("a stream was refused: \(first)") }
        line.removeAll(keepingCapacity: true)
        state = .size
        found.isOpened = true
    }

    private mutating func body(_ byte: UInt8, _ found: inout Found) {
        guard byte == 10 else {
            if line.count < Self.lineMax { line.append(byte) }
            return
        }
        if line.isEmpty {
            if id > 0 {
                found.commands += 1
                found.newest = max(found.newest, id)
            }
            found.isPinged = found.isPinged || isPing
            (id, isPing) = (0, false)
        } else if line.starts(with: "id:".utf8) {
            id = line.reduce(0) { (48...57).contains($1) ? $0 * 10 + Int($1 - 48) : $0 }
        } else if line.elementsEqual("event: ping".utf8) || line.elementsEqual("event:ping".utf8) {
            isPing = true
        }
        line.removeAll(keepingCapacity: true)
    }
}
