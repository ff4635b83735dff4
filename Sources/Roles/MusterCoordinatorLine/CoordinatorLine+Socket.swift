package import MusterAPI
package import MusterCore
internal import MusterHTTPClient
internal import MusterLog
internal import MusterMembership
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// A WebSocket that has shown that it gets through, by its first messages.
struct OpenedSocket: Sendable {
    let socket: WebSocketConnection
    let first: [[UInt8]]
}

/// What a listener threw.
private final class Failure: Sendable { let error = Mutex<(any Error)?>(nil) }

extension CoordinatorLine.Open {
    fileprivate func write(_ message: some NumberedMessage) -> Bool {
        let (bytes, isBinary) = message.message
        return bytes.count <= Limits.memberMessageBytesMax && socket.write(bytes, isBinary: isBinary)
    }
}

extension CoordinatorLine {
    /// Sends a heartbeat that wants no answer over the WebSocket. False: there is none of this member's, or it does not take this; a request may
    /// get through.
    package func send(_ beat: Heartbeat, of member: MemberID) -> Bool {
        state.withLock { state in
            guard state.open?.member == member else { return false }
            return state.open?.write(beat) ?? false
        }
    }

    /// The same of what wants an answer, within so long at most, else it is lost; nil: as a heartbeat, without whose answer the WebSocket is taken
    /// for broken. `then` hears once what became of it, on any thread and never inside the call.
    package func send(
        _ message: some NumberedMessage, of member: MemberID, within time: Duration? = nil,
        then: @escaping @Sendable (LineOutcome) -> Void
    ) -> Bool {
        let until = ContinuousClock.now + (time ?? settings.answerTime)
        return state.withLock { state in
            guard state.open?.member == member,
                let number = state.open?.awaited.add(until: until, isVital: time == nil, then)
            else { return false }
            var message = message
            message.number = number
            if state.open?.write(message) == true { return true }
            _ = state.open?.awaited.take(number)
            return false
        }
    }

    /// Nil: none gets through, and the choice was told.
    func openSocket(_ identity: MemberIdentity, _ listener: Listener) async -> OpenedSocket? {
        let failure: (reason: String, isHung: Bool)
        do {
            let request = request("socket", identity, listener.seen())
            let socket = try await client.openWebSocket(request, settings.socket)
            let (first, isHung) = await firstMessages(socket)
            if let first {
                state.withLock { $0.choice.socketOpened() }
                return OpenedSocket(socket: socket, first: first)
            }
            failure = (socket.ending?.reason ?? "it was given up", isHung)
        } catch let error as WebSocketFailure where error.status == 429 || error.status == 503 {
            // The coordinator's own word, as it would be to a stream.
            return nil
        } catch let error as WebSocketFailure {
            failure = (error.description, error.isHung)
        } catch {
            failure = ("\(error)", false)
        }
        if Task.isCancelled { return nil }
        Log.debug("no WebSocket to the coordinator", ["reason": failure.reason])
        state.withLock { state in
            state.choice.socketFailed(isHung: failure.isHung, SystemTime.now(), using: &state.random)
        }
        return nil
    }

    /// A sign of life asks for an answer: whatever comes first shows that both ways are open. Nil: nothing came; `isHung`: and nothing ended.
    private func firstMessages(_ socket: WebSocketConnection) async -> (texts: [[UInt8]]?, isHung: Bool) {
        var beat = Heartbeat(leases: [])
        beat.number = AwaitedAnswers.firstNumber
        guard socket.write(beat.body) else { return (nil, false) }
        let alarm = Task { [settings] in
            try await Task.sleep(for: settings.firstTime)
            socket.abort()
        }
        let texts = await socket.next()
        alarm.cancel()
        return (texts, (try? await alarm.value) != nil)
    }

    func hold(_ opened: OpenedSocket, _ identity: MemberIdentity, _ listener: Listener) async throws -> Never {
        let socket = opened.socket
        state.withLock { $0.open = Open(socket: socket, member: identity.id) }
        let began = ContinuousClock.now
        defer {
            let lost = state.withLock { state in
                defer { state.open = nil }
                return state.open?.awaited.handlers ?? []
            }
            for handler in lost { handler(.lost) }
            socket.close()
        }
        let watch = Task { [weak self] in
            while !Task.isCancelled, let line = self {
                let (overdue, isBroken) = line.state.withLock { $0.open?.awaited.takeOverdue(.now) ?? ([], false) }
                for handler in overdue { handler(.lost) }
                if isBroken { socket.abort() }
                try await Task.sleep(for: .seconds(1))
            }
        }
        defer { watch.cancel() }
        try hear(opened.first, of: socket, listener)
        let failure = Failure()
        await socket.hear { [weak socket] texts in
            // Nothing is heard behind it.
            guard failure.error.withLock({ $0 }) == nil else { return }
            guard let socket else { return }
            do { try self.hear(texts, of: socket, listener) } catch {
                failure.error.withLock { $0 = error }
                socket.close()
            }
        }
        if let error = failure.error.withLock({ $0 }) { throw error }
        let ending = socket.ending
        let meant = ending?.code.flatMap { UInt16(exactly: $0) }.flatMap(LineEnding.init)
        if meant == .gone { throw End.estranged }
        // What the coordinator means is no fault of the way.
        if !Task.isCancelled, meant == nil {
            state.withLock { state in
                state.choice.socketBroke(after: .now - began, SystemTime.now(), using: &state.random)
            }
        }
        throw End.broken(ending?.reason ?? "it was given up")
    }

    private func hear(_ texts: [[UInt8]], of socket: WebSocketConnection, _ listener: Listener) throws {
        var events: [ServerSentEvent] = []
        var isEstranged = false
        for text in texts {
            switch LineMessage(text) {
            case .event(let event): events.append(event)
            case .answer(let body, let number): tell(number, of: socket, .answered(body))
            case .refusal(let problem, let number):
                Log.debug("the coordinator refused a message", ["reason": problem.detail])
                tell(number, of: socket, .refused(problem))
                isEstranged = isEstranged || problem.type == "/problems/stranger"
            case nil: Log.debug("the coordinator said something unknown")
            }
        }
        if !events.isEmpty { try listener.heard(events) }
        if isEstranged { throw End.estranged }
    }

    /// Numbers are those of one WebSocket.
    private func tell(_ number: Int?, of socket: WebSocketConnection, _ outcome: LineOutcome) {
        guard let number else { return }
        let handler = state.withLock { $0.open?.socket === socket ? $0.open?.awaited.take(number) : nil }
        handler?(outcome)
    }
}
