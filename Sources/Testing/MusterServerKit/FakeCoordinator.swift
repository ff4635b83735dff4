internal import Glibc
package import MusterAPI
internal import MusterCrypto
package import MusterHTTP
internal import MusterJSON
package import MusterWebSocket
internal import MusterWire
internal import Synchronization

/// What members meet at a coordinator's address: its stream, its WebSocket, its heartbeats; or what stands in between.
package final class FakeCoordinator: Sendable {
    package enum SocketWay: Sendable, CaseIterable {
        case open
        /// A coordinator of old, and proxies.
        case notFound, upgradeRequired, badRequest, plain, badGateway
        /// The handshake is answered, and then the connection ends, or nothing comes over it.
        case endsBehindHandshake, mute
        /// Not in the fleet.
        case stranger
    }

    package struct Beat: Sendable {
        package var way: String
        package var beat: Heartbeat
    }

    package struct State: Sendable {
        package var socketWay: SocketWay
        package var streamStatus = 200
        /// Numbers get an answer.
        package var answers = true
        /// What an answer says of edges.
        package var edges: [String]?
        package fileprivate(set) var streams: [HTTPStream] = []
        package fileprivate(set) var sockets: [WebSocket] = []
    }

    private let state: Mutex<State>
    /// Bodies of those who joined.
    package let joined = Kept<[UInt8]>()
    /// Messages over WebSockets, heartbeats or not.
    package let messages = Counter()
    package let beats = Kept<Beat>()
    /// Of requests for a WebSocket or a stream: the way, and from which command on.
    package let asked = Kept<String>()
    private let loop: WebSocketLoop
    private let server = Mutex<HTTPServer?>(nil)

    /// Throws where there are no descriptors, or no port.
    package init(_ way: SocketWay = .open, _ change: (inout HTTPServer.Configuration) -> Void = { _ in }) throws {
        state = Mutex(State(socketWay: way))
        let ear = Ear()
        loop = try WebSocketLoop(WebSocketLimits(), ear)
        ear.owner.withLock { $0 = self }
        var configuration = HTTPServer.Configuration()
        change(&configuration)
        let server = HTTPServer(
            configuration,
            routes: [
                HTTPRoute("POST", "/v1/members", bodyBytesMax: 1 << 16) { [self] in join($0) },
                HTTPRoute("DELETE", "/v1/members/{id}") { _ in .respond(HTTPResponse(status: 204)) },
                HTTPRoute("GET", "/v1/members/{id}/socket") { [self] in openSocket($0) },
                HTTPRoute("GET", "/v1/members/{id}/stream") { [self] in openStream($0) },
                HTTPRoute("POST", "/v1/members/{id}/heartbeat", bodyBytesMax: 1 << 16) { [self] in heartbeat($0) },
            ])
        try server.start()
        self.server.withLock { $0 = server }
        runThread { [loop] in loop.run() }
    }

    package var port: UInt16 { server.withLock { $0!.port } }
    package func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    /// Those that were opened so far.
    package var sockets: [WebSocket] { state.withLock { $0.sockets } }
    package var streams: [HTTPStream] { state.withLock { $0.streams } }

    package func stop() async {
        loop.stop()
        await server.withLock { $0 }?.shutdown(graceSeconds: 0)
    }

    private func join(_ request: HTTPRequest) -> HTTPOutcome {
        joined.add(request.body)
        let reply = #"{"id":7,"secret":"s","name":"a","rank":0}"#
        return .respond(.json(Array(reply.utf8), status: 201))
    }

    private func openStream(_ request: HTTPRequest) -> HTTPOutcome {
        asked.add("stream \(request.header("last-event-id") ?? "")")
        let status = state.withLock { $0.streamStatus }
        guard status == 200 else { return .respond(.text("no", status: status)) }
        let stream = HTTPStream()
        _ = stream.write(Array(": open\n\n".utf8))
        state.withLock { state in
            for socket in state.sockets { socket.close(LineEnding.replaced.rawValue, "") }
            state.streams.append(stream)
        }
        return .respond(
            HTTPResponse(status: 200, headers: [("Content-Type", "text/event-stream")], body: .stream(stream)))
    }

    private func openSocket(_ request: HTTPRequest) -> HTTPOutcome {
        asked.add("socket \(request.header("last-event-id") ?? "")")
        let way = state.withLock { $0.socketWay }
        let statuses: [SocketWay: Int] = [
            .notFound: 404, .upgradeRequired: 426, .badRequest: 400, .plain: 200, .badGateway: 502, .stranger: 401,
        ]
        if let status = statuses[way] { return .respond(.text("no", status: status)) }
        let accept = Base64.encoded(WebSocketKey.accept(request.header("sec-websocket-key") ?? ""))
        let upgrade = HTTPUpgrade(to: "websocket") { [self] line in
            switch way {
            case .endsBehindHandshake: line.release()
            case .mute:
                runThread {
                    var byte: UInt8 = 0
                    while recv(line.descriptor, &byte, 1, 0) != 0 { usleep(1_000) }
                    line.release()
                }
            default:
                let socket = loop.adopt(line.descriptor, early: line.early, release: line.release)
                state.withLock { state in
                    for stream in state.streams { stream.finish() }
                    state.sockets.append(socket)
                }
            }
        }
        return .respond(
            HTTPResponse(status: 101, headers: [("Sec-WebSocket-Accept", accept)], body: .upgrade(upgrade)))
    }

    private func heartbeat(_ request: HTTPRequest) -> HTTPOutcome {
        guard let beat = try? Heartbeat(body: request.body) else { return .respond(.text("no", status: 422)) }
        beats.add(Beat(way: "request", beat: beat))
        return .respond(.json(HeartbeatAnswer(rank: nil, members: 1, edges: nil).body))
    }

    fileprivate func take(_ messages: [WebSocketMessage]) {
        for message in messages {
            _ = self.messages.next()
            guard let beat = try? Heartbeat(body: message.bytes) else { continue }
            beats.add(Beat(way: "socket", beat: beat))
            guard let number = beat.number, state.withLock({ $0.answers }) || number == 1 else { continue }
            var answer = HeartbeatAnswer(rank: 3, members: 5, edges: state.withLock { $0.edges })
            answer.number = number
            _ = message.socket.write(
                Array("{\"event\":\"heartbeat\",\"data\":".utf8) + answer.body + [UInt8(ascii: "}")])
        }
    }
}

private final class Ear: WebSocketAudience {
    let owner = Mutex<FakeCoordinator?>(nil)
    func take(_ messages: [WebSocketMessage]) { owner.withLock { $0 }?.take(messages) }
    func wasEnded(code: Int, _ reason: String) {}
}
