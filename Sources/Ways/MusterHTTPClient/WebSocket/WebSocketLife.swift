internal import MusterWebSocket

/// A client's WebSocket from its handshake until its end. For one thread, which it blocks.
final class WebSocketLife {
    private let connection: CurlConnection
    private let post: WebSocketPost
    private let settings: WebSocketConnection.Settings
    private let framing: WebSocketFraming
    private var room = [UInt8](repeating: 0, count: 16 << 10)
    /// Texts that the reader has no room for yet; nothing is read meanwhile.
    private var held: [[UInt8]] = []
    /// Framed, and not sent yet: what of `out` is left. TLS wants to be asked again with the same bytes at the same place.
    private var leftover = 0..<0
    private let out = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 1)
    private var heardAt = ContinuousClock.now
    private var hasAsked = false
    private var isCloseFramed = false
    private var closeBeganAt: ContinuousClock.Instant?
    private var fault: String?

    /// Messages that are framed at one time; above thrice as many nothing is read that might be answered.
    private static let framedMax = 32

    init?(_ connection: CurlConnection, _ post: WebSocketPost, _ settings: WebSocketConnection.Settings) {
        guard let framing = WebSocketFraming(.client, messageBytesMax: settings.messageBytesMax) else { return nil }
        (self.connection, self.post, self.settings, self.framing) = (connection, post, settings, framing)
    }

    deinit { out.deallocate() }

    /// Until it is over; says why.
    func run(_ early: [UInt8]) -> WebSocketConnection.Ending {
        early.withUnsafeBytes { received($0) }
        while true {
            if post.isCut { return ending("it was given up") }
            handOver()
            let mayBeMore = read()
            var isSent = send()
            while isSent, leftover.isEmpty, frame() { isSent = send() }
            noteFault()
            if framing.isOver, leftover.isEmpty { return ending("it was closed") }
            guard let mayBeMore, isSent else { return ending("the connection broke") }
            let now = ContinuousClock.now
            if framing.codeSent != nil || framing.codeReceived != nil || post.isClosing {
                closeBeganAt = closeBeganAt ?? now
            }
            if let reason = overdue(now) { return ending(reason) }
            let writes = !leftover.isEmpty || framing.wantsToSend
            post.wait(for: connection.descriptor, reads: mayRead, writes: writes, mayBeMore ? .zero : patience(now))
        }
    }

    private func ending(_ reason: String) -> WebSocketConnection.Ending {
        let code = framing.codeReceived
        return .init(code: code, reason: fault ?? code.map { "the other end closed it (\($0))" } ?? reason)
    }

    // MARK: Time

    /// Why it is to end now; nil: it goes on. Asks a quiet end for a sign of life.
    private func overdue(_ now: ContinuousClock.Instant) -> String? {
        if let began = closeBeganAt { return now - began >= settings.closeTime ? "its close was not answered" : nil }
        // Who does not read hears nothing.
        guard held.isEmpty else {
            heardAt = now
            return nil
        }
        if now - heardAt >= settings.silenceTime { return "nothing came for \(settings.silenceTime)" }
        if now - heardAt >= settings.quietTime, !hasAsked {
            hasAsked = true
            _ = framing.queuePing()
        }
        return nil
    }

    private func patience(_ now: ContinuousClock.Instant) -> Duration {
        if let closeBeganAt { return closeBeganAt + settings.closeTime - now }
        guard held.isEmpty else { return .seconds(60) }
        return heardAt + (hasAsked ? settings.silenceTime : settings.quietTime) - now
    }

    // MARK: In

    private var mayRead: Bool { held.isEmpty && framing.queuedMessages < 3 * Self.framedMax }

    /// Whether more may be there already: TLS holds bytes that no descriptor tells of. Nil: the connection is over.
    private func read() -> Bool? {
        // Not for ever: what is to be sent waits.
        for _ in 0..<8 {
            guard mayRead else { return false }
            switch room.withUnsafeMutableBytes({ connection.receive(into: $0) }) {
            case .moved(let count):
                let bytes = Array(room[..<count])
                bytes.withUnsafeBytes { received($0) }
            case .later: return false
            case .over: return nil
            }
        }
        return true
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        (heardAt, hasAsked) = (.now, false)
        for message in framing.receive(bytes) {
            switch message {
            case .text(let text): held.append(text)
            case .binary: fail(1003, "it sent bytes that are no text")
            case .ping, .pong, .close: break
            }
        }
        handOver()
    }

    private func fail(_ code: UInt16, _ reason: String) {
        guard fault == nil else { return }
        fault = reason
        framing.queueClose(code, reason)
    }

    /// libwslay's own judgement is a close before any came.
    private func noteFault() {
        guard fault == nil, framing.codeReceived == nil, let code = framing.codeSent else { return }
        if [1002, 1007, 1009].contains(code) { fault = "it sent what RFC 6455 forbids, or too much (\(code))" }
    }

    private func handOver() {
        if post.tellEar(held) {
            // However long it took: nothing was read meanwhile.
            if !held.isEmpty { heardAt = .now }
            held = []
            return
        }
        let count = held.prefix { post.handOver($0) }.count
        held.removeFirst(count)
    }

    // MARK: Out

    /// Whether there is something to send, and perhaps more behind it.
    private func frame() -> Bool {
        // Behind a close it keeps what it does not send.
        guard framing.queuedMessages == 0 else { return framing.wantsToSend }
        let (messages, closing) = post.take(atMost: Self.framedMax)
        for message in messages { _ = framing.queue(message.bytes, isBinary: message.isBinary) }
        // A close overtakes what is framed, and nothing is sent behind it.
        guard let closing, !isCloseFramed, messages.isEmpty else { return !messages.isEmpty }
        isCloseFramed = true
        framing.queueClose(closing)
        return true
    }

    /// False: the connection is over.
    private func send() -> Bool {
        while true {
            if leftover.isEmpty {
                leftover = 0..<framing.send(into: out)
                if leftover.isEmpty { return true }
            }
            switch connection.send(UnsafeRawBufferPointer(rebasing: out[leftover])) {
            case .moved(let count): leftover = leftover.lowerBound + count..<leftover.upperBound
            case .later: return true
            case .over: return false
            }
        }
    }
}
