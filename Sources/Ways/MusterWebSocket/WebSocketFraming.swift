internal import CWslay

/// One end of a WebSocket (RFC 6455), without input or output of its own: received bytes are handed in, bytes to send are taken out.
///
/// libwslay answers pings and closes by itself, and refuses what the RFC forbids, with the code that it names: 1002 for a frame that is none,
/// 1007 for text that is no UTF-8, 1009 for a message that is too long. Not for several threads at once.
package final class WebSocketFraming {
    package enum End: Sendable { case client, server }

    package enum Message: Equatable, Sendable {
        case text([UInt8])
        case binary([UInt8])
        case ping, pong, close
    }

    private let raw: UnsafeMutablePointer<muster_ws>
    private let inbox: Inbox

    /// What came, until somebody takes it.
    private final class Inbox {
        var messages: [Message] = []
        /// Of a message that is not whole yet.
        var pieces: [UInt8] = []

        static func of(_ owner: UnsafeMutableRawPointer?) -> Inbox {
            Unmanaged.fromOpaque(owner!).takeUnretainedValue()
        }

        func take(_ opcode: Int32) {
            switch opcode {
            case 1: messages.append(.text(takePieces()))
            case 2: messages.append(.binary(takePieces()))
            case 8: messages.append(.close)
            case 9: messages.append(.ping)
            default: messages.append(.pong)
            }
        }

        private func takePieces() -> [UInt8] {
            defer { pieces = [] }
            return pieces
        }
    }

    /// `messageBytesMax`: of a message that is received. Nil: there is no memory.
    package init?(_ end: End, messageBytesMax: Int) {
        inbox = Inbox()
        let owner = Unmanaged.passUnretained(inbox).toOpaque()
        let made = muster_ws_make(
            end == .client ? 1 : 0, UInt64(messageBytesMax), owner, { owner, opcode in Inbox.of(owner).take(opcode) },
            { owner, bytes, count in
                Inbox.of(owner).pieces.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
            })
        guard let made else { return nil }
        raw = made
    }

    deinit { muster_ws_free(raw) }

    /// The messages that are whole with these bytes. Afterwards there may be something to send.
    package func receive(_ bytes: UnsafeRawBufferPointer) -> [Message] {
        if muster_ws_receive(raw, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count) != 0 { isBroken = true }
        // Known before its first byte: nobody has to send a gigabyte to hear it.
        let fault = UInt16(raw.pointee.fault)
        if fault != 0 { queueClose(fault, fault == 1009 ? "The message is too long." : "A frame is none.") }
        defer { inbox.messages = [] }
        return inbox.messages
    }

    /// No memory, or a defect: the connection is of no more use.
    package private(set) var isBroken = false

    /// A whole message; a text is UTF-8. Sent by and by. False: it is not sent, because the connection ends.
    package func queue(_ bytes: [UInt8], isBinary: Bool) -> Bool {
        muster_ws_queue(raw, isBinary ? 2 : 1, bytes, bytes.count) == 0
    }

    package func queue(text: [UInt8]) -> Bool { queue(text, isBinary: false) }
    package func queuePing() -> Bool { muster_ws_queue(raw, 9, nil, 0) == 0 }

    /// `code` of RFC 6455, 7.4; `reason` has at most 123 bytes.
    package func queueClose(_ code: UInt16, _ reason: String = "") {
        var reason = reason
        let bytes = reason.withUTF8 { Array($0.prefix(123)) }
        _ = muster_ws_queue_close(raw, code, bytes, bytes.count)
    }

    /// Puts what waits into `room`, as far as it goes; returns how many bytes.
    package func send(into room: UnsafeMutableRawBufferPointer) -> Int {
        let count = muster_ws_send(raw, room.bindMemory(to: UInt8.self).baseAddress, room.count)
        if count < 0 { isBroken = true }
        return max(0, count)
    }

    package var wantsToSend: Bool { muster_ws_wants_to_send(raw) != 0 }
    /// Messages that are not taken out whole, with what answers pings.
    package var queuedMessages: Int { muster_ws_queued_messages(raw) }
    /// Nothing comes any more, and nothing is to be sent.
    package var isOver: Bool { isBroken || muster_ws_is_over(raw) != 0 }
    /// The beginning of a frame or of a message is here, and not its end.
    package var isIncomplete: Bool { muster_ws_is_incomplete(raw) != 0 }
    /// Nothing that comes counts any more: a close came, or what is worth one.
    var isDeaf: Bool { muster_ws_is_deaf(raw) != 0 }
    /// Changes whenever nothing is incomplete.
    var wholes: UInt32 { raw.pointee.wholes }
    /// Nothing is under way: it could as well be another connection's.
    var isIdle: Bool { !isBroken && muster_ws_is_idle(raw) != 0 }
    /// Of the close that this end sent; nil: none.
    package var codeSent: Int? { code(muster_ws_code_sent(raw)) }
    package var codeReceived: Int? { code(muster_ws_code_received(raw)) }
    private func code(_ code: Int32) -> Int? { code == 0 ? nil : Int(code) }
}
