internal import Glibc

extension WebSocketLines {
    /// Bytes that one connection takes out of its socket at one time.
    private static var refillBytesMax: Int { 64 << 10 }

    /// All that the system takes now; ends what is over.
    mutating func send(_ line: WebSocketLine) {
        line.refill(atMost: Self.refillBytesMax)
        if line.isCut {
            line.fault = line.fault ?? (1008, "It does not read.")
            return end(line)
        }
        let isAllSent = sendAll(line) && flush(line)
        if line.isGone { return }
        if line.isEnding {
            line.closeBeganMs = line.closeBeganMs ?? nowMs
            watch(line)
        }
        if isAllSent, let framing = line.framing, framing.isOver, !isOpenYet(line, framing) { return end(line) }
        wait(line, forRoom: !isAllSent)
        takeBack(line)
    }

    /// False: the rest waits for room, or it is gone.
    private mutating func sendAll(_ line: WebSocketLine) -> Bool {
        if line.isDraining { return true }
        // Answers go between frames, and a close behind all that was written before.
        if line.frames.isInFrame, !sendFrames(line, onlyNext: true) { return false }
        let isLeaving = line.fault != nil || line.framing?.isDeaf == true
        if !isLeaving, !sendAnswers(line) { return false }
        if line.framing?.codeSent != nil { return sendAnswers(line) }
        if !sendFrames(line) { return false }
        if !isLeaving, line.isClosing, let (code, reason) = line.closing { lend(line)?.queueClose(code, reason) }
        return !line.isGone && sendAnswers(line)
    }

    private mutating func sendFrames(_ line: WebSocketLine, onlyNext: Bool = false) -> Bool {
        while !line.isUpToDate {
            if line.frames.isEmpty { line.refill(atMost: Self.refillBytesMax) }
            let count = line.frames.copy(into: room, onlyNext: onlyNext)
            guard let sent = put(UnsafeRawBufferPointer(rebasing: room[..<count]), line) else { return false }
            line.frames.sent(sent)
            if sent < count { return false }
            if onlyNext, !line.frames.isInFrame { break }
        }
        return true
    }

    private mutating func sendAnswers(_ line: WebSocketLine) -> Bool {
        while true {
            if line.answers.isEmpty, let framing = line.framing, framing.wantsToSend {
                line.answers = Array(room[..<framing.send(into: room)])
            }
            if line.answers.isEmpty { return true }
            guard let sent = line.answers.withUnsafeBytes({ put($0, line) }) else { return false }
            line.answers.removeFirst(sent)
            if !line.answers.isEmpty { return false }
        }
    }

    /// Whether what was taken is on its way; if not it waits for room, or the connection is gone.
    private mutating func flush(_ line: WebSocketLine) -> Bool {
        guard let out = line.socket.out else { return true }
        let state = out.flush()
        if state < 0 { end(line) }
        return state > 0
    }

    /// How much the system takes. Nil: it is gone.
    private mutating func put(_ bytes: UnsafeRawBufferPointer, _ line: WebSocketLine) -> Int? {
        if let out = line.socket.out {
            let sent = out.send(bytes)
            if sent < 0 { end(line) }
            return sent < 0 ? nil : sent
        }
        while true {
            let sent = Glibc.send(
                line.socket.descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
            if sent >= 0 { return sent }
            if errno == EINTR { continue }
            if errno == EAGAIN { return 0 }
            end(line)
            return nil
        }
    }

    /// Whether its client has yet to end the connection: one that did not close may be sending still, and a reset would take what it was
    /// told away from it.
    private func isOpenYet(_ line: WebSocketLine, _ framing: WebSocketFraming) -> Bool {
        guard framing.codeReceived == nil, framing.codeSent != nil else { return false }
        if !line.isDraining {
            line.isDraining = true
            shutdown(line.socket.descriptor, Int32(SHUT_WR))
        }
        return true
    }
}
