internal import Glibc
internal import MusterSystem
internal import MusterWebSocket

/// The thread of one client's WebSocket: opens it, then carries bytes between libcurl's connection, libwslay's frames and the post.
struct WebSocketThread: Sendable {
    private let post: WebSocketPost
    private let settings: WebSocketConnection.Settings

    init(_ post: WebSocketPost, _ settings: WebSocketConnection.Settings) {
        (self.post, self.settings) = (post, settings)
    }

    func run(_ request: HTTPClientRequest, _ configuration: HTTPClient.Configuration) {
        do throws(WebSocketFailure) {
            let connection: CurlConnection
            do throws(HTTPClientError) { connection = try CurlConnection(request, configuration) } catch {
                throw WebSocketFailure(nil, error.message)
            }
            let handshake = WebSocketHandshake()
            let early = try shakeHands(
                handshake, handshake.bytes(of: request, userAgent: configuration.userAgent), connection)
            guard let life = WebSocketLife(connection, post, settings) else {
                throw WebSocketFailure(nil, "there is no memory")
            }
            post.opened()
            post.ended(life.run(early))
        } catch {
            post.failed(error)
        }
    }

    /// Sends the request and reads the answer. Returns what came behind it.
    private func shakeHands(
        _ handshake: WebSocketHandshake, _ request: [UInt8], _ connection: CurlConnection
    ) throws(WebSocketFailure) -> [UInt8] {
        var (handshake, rest) = (handshake, request[...])
        var room = [UInt8](repeating: 0, count: 4 << 10)
        let end = ContinuousClock.now + settings.handshakeTime
        while !post.isCut {
            if !rest.isEmpty {
                switch rest.withUnsafeBytes({ connection.send($0) }) {
                case .moved(let count): rest = rest.dropFirst(count)
                case .later: break
                case .over: throw WebSocketFailure(nil, "the connection ended before the handshake was sent")
                }
            }
            switch room.withUnsafeMutableBytes({ connection.receive(into: $0) }) {
            case .moved(let count):
                switch handshake.receive(room[..<count]) {
                case .more: continue
                case .open(let early): return early
                case .failed(let status, let reason): throw WebSocketFailure(status, reason)
                }
            case .later: break
            case .over: throw WebSocketFailure(nil, "the connection ended before the handshake was answered")
            }
            let left = end - ContinuousClock.now
            guard left > .zero else {
                throw WebSocketFailure(nil, isHung: true, "no answer to the handshake within \(settings.handshakeTime)")
            }
            post.wait(for: connection.descriptor, reads: true, writes: !rest.isEmpty, left)
        }
        throw WebSocketFailure(nil, "given up")
    }
}

extension WebSocketPost {
    /// Until the descriptor may be read or written, somebody tells something, or so long.
    func wait(for descriptor: CInt, reads: Bool, writes: Bool, _ time: Duration) {
        // Nothing wanted: nor is its end, which poll would tell of again and again.
        let events = Int16((reads ? POLLIN : 0) | (writes ? POLLOUT : 0))
        var watched = [
            pollfd(fd: events == 0 ? -1 : descriptor, events: events, revents: 0),
            pollfd(fd: waker, events: Int16(POLLIN), revents: 0),
        ]
        let (seconds, attoseconds) = max(time, .zero).components
        let milliseconds = min(seconds, 60) * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        guard poll(&watched, 2, CInt(milliseconds)) > 0 else { return }
        if watched[1].revents != 0 { drainWaker() }
    }
}
