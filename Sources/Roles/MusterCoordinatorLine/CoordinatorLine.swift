package import MusterAPI
package import MusterCore
package import MusterHTTPClient
internal import MusterLog
package import MusterMembership
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// How a member that has joined is connected with its coordinator: over a WebSocket; over a stream, and requests of its own, where none
/// gets through. What it hears is the same.
package final class CoordinatorLine: Sendable {
    package struct Settings: Sendable {
        /// False: a stream at once, and always.
        package var usesWebSocket = true
        /// A WebSocket is one when the first message came, so long after the handshake.
        package var firstTime: Duration = .seconds(3)
        /// A stream's head may take so long.
        package var streamTime: Duration = .seconds(10)
        /// After so long without the answer that it asks for a heartbeat is lost, and with it the WebSocket; what else is asked has times of
        /// its own.
        package var answerTime: Duration = .seconds(10)
        package var socket = WebSocketConnection.Settings()
        package var choice = SocketChoice.Settings()

        package init() {
            // A worker gives no sign of life before its line is open, and is removed after 5 s without.
            socket.handshakeTime = .seconds(3)
        }
    }

    package enum End: Error {
        /// The coordinator does not know this member (any more).
        case estranged
        case broken(String)
    }

    /// Who hears what comes: one call at a time, `opened` before all others.
    package struct Listener: Sendable {
        /// How far it has commands.
        var seen: @Sendable () -> CommandID
        var opened: @Sendable () -> Void
        /// What came at one time. What it throws ends the line.
        var heard: @Sendable ([ServerSentEvent]) throws -> Void

        package init(
            seen: @escaping @Sendable () -> CommandID, opened: @escaping @Sendable () -> Void,
            heard: @escaping @Sendable ([ServerSentEvent]) throws -> Void
        ) {
            (self.seen, self.opened, self.heard) = (seen, opened, heard)
        }
    }

    struct Open {
        let socket: WebSocketConnection
        let member: MemberID
        var awaited = AwaitedAnswers()
    }

    struct State {
        var choice: SocketChoice
        /// It has no bytes. As a variable of its own it would have no address either, which the thread sanitizer cannot bear.
        var random = SystemRandomNumberGenerator()
        var open: Open?
    }

    let url: String
    let client: HTTPClient
    let settings: Settings
    let state: Mutex<State>

    /// `url` has no path. `client` outlives it.
    package init(to url: String, by client: HTTPClient, _ settings: Settings = Settings()) {
        (self.url, self.client, self.settings) = (url, client, settings)
        state = Mutex(State(choice: SocketChoice(settings.choice)))
    }

    /// Holds it until its end, and throws that; or what the listener throws. One at a time. Cancelling the task closes it.
    package func hold(_ identity: MemberIdentity, _ listener: Listener) async throws -> Never {
        if settings.usesWebSocket, state.withLock({ $0.choice.mayTry(SystemTime.now()) }) {
            if let opened = await openSocket(identity, listener) {
                listener.opened()
                try await hold(opened, identity, listener)
            }
            try Task.checkCancellation()
        }
        try await holdStream(identity, listener)
    }

    func request(_ what: String, _ identity: MemberIdentity, _ seen: CommandID) -> HTTPClientRequest {
        HTTPClientRequest(
            "GET", "\(url)/v1/members/\(identity.id)/\(what)",
            headers: [("Authorization", "Bearer " + identity.secret), ("Last-Event-ID", "\(seen)")])
    }

    // MARK: The stream

    private func holdStream(_ identity: MemberIdentity, _ listener: Listener) async throws -> Never {
        let stream = try await openStream(identity, listener)
        defer { stream.cancel() }
        state.withLock { state in
            state.choice.streamOpened(SystemTime.now(), using: &state.random)
        }
        listener.opened()
        let search = SocketSearch()
        // A WebSocket takes the stream's place as soon as there is one.
        let searching = Task { [self] in
            let opened = await searchSocket(search, identity, listener)
            if opened != nil { stream.cancel() }
            return opened
        }
        let end = await withTaskCancellationHandler {
            await read(stream, listener)
        } onCancel: {
            searching.cancel()
        }
        // The coordinator itself ends the stream when a WebSocket of the same member comes.
        if search.stop() { searching.cancel() }
        if let opened = await searching.value, !(end is ListenerFailure) { try await hold(opened, identity, listener) }
        throw (end as? ListenerFailure)?.error ?? end
    }

    private struct ListenerFailure: Error { let error: any Error }

    private func openStream(_ identity: MemberIdentity, _ listener: Listener) async throws(End) -> HTTPClientStream {
        let request = request("stream", identity, listener.seen())
        let stream: HTTPClientStream
        do {
            stream = try await within(settings.streamTime) { [client] in try await client.stream(request) }
        } catch {
            throw .broken("\(error)")
        }
        guard stream.status == 200 else {
            stream.cancel()
            if stream.status == 401 { throw .estranged }
            throw .broken("the stream was refused: \(stream.status)")
        }
        return stream
    }

    /// Returns why it is over.
    private func read(_ stream: HTTPClientStream, _ listener: Listener) async -> any Error {
        var parser = ServerSentEventParser()
        do {
            while let bytes = try await stream.next() {
                let events = try parser.feed(bytes)
                do { try listener.heard(events) } catch { return ListenerFailure(error: error) }
            }
            return End.broken("the coordinator ended the connection")
        } catch {
            return End.broken("\(error)")
        }
    }

    /// Tries again and again, as the choice says; nil when it is to stop.
    private func searchSocket(
        _ search: SocketSearch, _ identity: MemberIdentity, _ listener: Listener
    ) async -> OpenedSocket? {
        guard settings.usesWebSocket else { return nil }
        while !Task.isCancelled {
            let wait = state.withLock { $0.choice.nextTry } - SystemTime.now()
            try? await Task.sleep(for: max(wait, .milliseconds(10)))
            guard search.begin() else { return nil }
            if let opened = await openSocket(identity, listener) { return opened }
            state.withLock { state in
                state.choice.streamOpened(SystemTime.now(), using: &state.random)
            }
            search.end()
        }
        return nil
    }
}

/// Whether a WebSocket is being opened while a stream is held.
private final class SocketSearch: Sendable {
    private struct State { var isOpening = false, isStopped = false }
    private let state = Mutex(State())

    /// False: nobody wants one any more.
    func begin() -> Bool {
        state.withLock { state in
            state.isOpening = !state.isStopped
            return state.isOpening
        }
    }

    func end() { state.withLock { $0.isOpening = false } }

    /// False: one is being opened; it is worth to be waited for.
    func stop() -> Bool {
        state.withLock { state in
            state.isStopped = true
            return !state.isOpening
        }
    }
}

/// What takes longer is cancelled.
func within<Value: Sendable>(
    _ time: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let work = Task { try await body() }
    let alarm = Task {
        try await Task.sleep(for: time)
        work.cancel()
    }
    defer { alarm.cancel() }
    return try await withTaskCancellationHandler {
        try await work.value
    } onCancel: {
        work.cancel()
    }
}
