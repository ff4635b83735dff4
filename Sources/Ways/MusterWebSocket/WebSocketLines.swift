internal import CWslay
internal import Glibc
internal import Synchronization

/// A loop's connections: what its thread alone touches.
struct WebSocketLines: ~Copyable {
    private let epoll: Int32
    let limits: WebSocketLimits
    private let audience: any WebSocketAudience
    private(set) var places = LinePlaces()
    /// Those that are to be sent to in this turn.
    private var due: [WebSocketLine] = []
    private var watched: [WebSocketLine] = []
    /// Idle ones, for whoever needs one next.
    private var framings: [WebSocketFraming] = []
    private var inbox: [WebSocketMessage] = []
    private var inboxBytes = 0
    /// What is read, then what is sent.
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    /// Of this turn.
    var nowMs = WebSocketLoop.nowMs

    /// Bytes that one turn hands over at one time, or little more.
    private static let inboxBytesMax = 1 << 20
    private static let framingsMax = 64

    init(_ epoll: Int32, _ limits: WebSocketLimits, _ audience: any WebSocketAudience) {
        (self.epoll, self.limits, self.audience) = (epoll, limits, audience)
    }

    deinit { room.deallocate() }

    mutating func add(_ socket: WebSocket, _ early: [UInt8]) {
        let line = places.add(socket)
        guard muster_loop_add(epoll, socket.descriptor, line.token) == 0 else {
            places.remove(line)
            return socket.end()
        }
        muster_ws_no_delay(socket.out?.descriptor ?? socket.descriptor)
        socket.token.store(line.token, ordering: .relaxed)
        if !early.isEmpty { early.withUnsafeBytes { received($0, line) } }
        isDue(line)
    }

    mutating func happened(_ token: UInt64, mayRead: Bool) {
        guard let line = places[token] else { return }
        if mayRead, !read(line) { return end(line) }
        isDue(line)
    }

    /// Somebody wrote to it, or ends it.
    mutating func isTold(_ socket: WebSocket) {
        if let line = places[socket.token.load(ordering: .relaxed)] { isDue(line) }
    }

    private mutating func isDue(_ line: WebSocketLine) {
        if line.isDue { return }
        line.isDue = true
        due.append(line)
    }

    /// What came goes to the audience, at one time.
    mutating func handOver() {
        guard !inbox.isEmpty else { return }
        audience.take(inbox)
        inbox.removeAll(keepingCapacity: true)
        inboxBytes = 0
    }

    mutating func sendWhatIsDue() {
        for line in due where !line.isGone {
            line.isDue = false
            send(line)
        }
        due.removeAll(keepingCapacity: true)
    }

    // MARK: What comes

    /// Once, as others wait; what is left comes up again. False: it is gone.
    private mutating func read(_ line: WebSocketLine) -> Bool {
        let count = recv(line.socket.descriptor, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
        if count == 0 { return false }
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        if !line.isDraining { received(UnsafeRawBufferPointer(rebasing: room[..<count]), line) }
        return true
    }

    private mutating func received(_ bytes: UnsafeRawBufferPointer, _ line: WebSocketLine) {
        guard let framing = lend(line) else { return }
        let wholes = framing.wholes
        for message in framing.receive(bytes) where line.fault == nil {
            line.messages += 1
            if line.messages > limits.messagesMax { fault(line, 1008, "Too many messages.") }
            switch message {
            case .text(let text): take(WebSocketMessage(socket: line.socket, bytes: text, isBinary: false))
            case .binary(let bytes) where limits.takesBinary:
                take(WebSocketMessage(socket: line.socket, bytes: bytes, isBinary: true))
            case .binary: fault(line, 1003, "Messages here are text.")
            case .ping, .pong:
                line.controls += 1
                if line.controls > limits.controlsMax { fault(line, 1008, "Too many pings.") }
            case .close: break
            }
        }
        let isNew = framing.wholes != wholes
        line.beganMs = framing.isIncomplete ? (isNew ? nil : line.beganMs) ?? nowMs : nil
        watch(line)
    }

    private mutating func take(_ message: WebSocketMessage) {
        inbox.append(message)
        // Empty ones are work, too.
        inboxBytes += message.bytes.count + 64
        if inboxBytes > Self.inboxBytesMax { handOver() }
    }

    private mutating func fault(_ line: WebSocketLine, _ code: UInt16, _ reason: String) {
        guard line.fault == nil else { return }
        line.fault = (Int(code), reason)
        lend(line)?.queueClose(code, reason)
    }

    /// Nil: there is no memory, and the connection ends.
    @discardableResult
    mutating func lend(_ line: WebSocketLine) -> WebSocketFraming? {
        if line.framing == nil {
            line.framing = framings.popLast() ?? WebSocketFraming(.server, messageBytesMax: limits.messageBytesMax)
            if line.framing == nil { end(line) }
        }
        return line.framing
    }

    /// Nobody else has what it keeps, as long as it is idle.
    mutating func takeBack(_ line: WebSocketLine) {
        guard let framing = line.framing, framing.isIdle else { return }
        line.framing = nil
        if framings.count < Self.framingsMax { framings.append(framing) }
    }

    // MARK: Its end

    mutating func end(_ line: WebSocketLine) {
        guard !line.isGone else { return }
        line.isGone = true
        places.remove(line)
        muster_loop_remove(epoll, line.socket.descriptor)
        if line.socket.out != nil { wait(line, forRoom: false) }
        if let (code, reason) = line.fault ?? framingsVerdict(line) { audience.wasEnded(code: code, reason) }
        line.framing = nil
        line.socket.end()
    }

    /// 1002, 1007 and 1009 are libwslay's own judgement, unless the client closed.
    private func framingsVerdict(_ line: WebSocketLine) -> (code: Int, reason: String)? {
        guard let framing = line.framing, framing.codeReceived == nil else { return nil }
        // Perhaps there was no way to tell the client.
        while framing.send(into: room) > 0 {}
        guard let code = framing.codeSent, [1002, 1007, 1009].contains(code) else { return nil }
        return (code, "It sent what RFC 6455 forbids, or too much.")
    }

    /// Waits for room in the system, or does not any more.
    func wait(_ line: WebSocketLine, forRoom waits: Bool) {
        guard waits != line.waitsForRoom else { return }
        line.waitsForRoom = waits
        if let out = line.socket.out {
            _ = muster_loop_wait_for_room(epoll, out.descriptor, waits ? 1 : 0, line.token)
        } else {
            _ = muster_loop_change(epoll, line.socket.descriptor, waits ? 1 : 0, line.token)
        }
    }

    // MARK: Once a second

    mutating func watch(_ line: WebSocketLine) {
        guard line.isRunning, !line.isWatched else { return }
        line.isWatched = true
        watched.append(line)
    }

    mutating func look() {
        let lines = watched
        watched = []
        for line in lines where !line.isGone {
            line.isWatched = false
            (line.controls, line.messages) = (0, 0)
            if let began = line.closeBeganMs {
                if nowMs - began > limits.closeSeconds * 1_000 { endUnanswered(line) }
            } else if let began = line.beganMs, nowMs - began > limits.frameSeconds * 1_000 {
                fault(line, 1008, "A frame or a message took longer than \(limits.frameSeconds) s.")
                isDue(line)
            }
            if !line.isGone { watch(line) }
        }
    }

    private mutating func endUnanswered(_ line: WebSocketLine) {
        if line.fault == nil { line.fault = framingsVerdict(line) ?? (1006, "It did not answer the close.") }
        end(line)
    }

    mutating func endAll() {
        for line in places.all { end(line) }
    }
}
