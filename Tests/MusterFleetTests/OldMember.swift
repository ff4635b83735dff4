import MusterHTTP
import Synchronization

/// An old member: a port that answers as it is told.
final class OldMember: Sendable {
    enum Manner: Sendable { case good, failing, redirecting, hanging, endless, waiting }

    let server: HTTPServer
    let heard = Mutex<[String]>([])
    /// Calls that wait for `answerWaiting`.
    private let waiting = Mutex<[HeldRequest]>([])
    var address: String { "http://127.0.0.1:\(server.port)" }

    init(_ manner: Manner = .good) throws {
        var configuration = HTTPServer.Configuration()
        configuration.host = "127.0.0.1"
        let box = Box()
        let route = HTTPRoute("POST", "/receive-command", bodyBytesMax: 64 << 10) { request in
            box.member?.heard.withLock { $0.append(String(decoding: request.body, as: UTF8.self)) }
            switch manner {
            case .good: return .respond(.text("ok"))
            case .failing: return .respond(.text("no", status: 500))
            case .redirecting:
                return .respond(
                    HTTPResponse(status: 302, headers: [("Location", "/receive-command")], body: .bytes([])))
            case .hanging: return .hold { _ in }
            case .waiting: return .hold { held in box.member?.waiting.withLock { $0.append(held) } }
            case .endless:
                let stream = HTTPStream()
                Task { while (try? await stream.send([UInt8](repeating: 65, count: 1 << 20))) != nil {} }
                return .respond(HTTPResponse(status: 200, body: .stream(stream)))
            }
        }
        server = HTTPServer(configuration, routes: [route]) { _ in }
        try server.start()
        box.member = self
    }

    func answerWaiting() {
        let calls = waiting.withLock { calls in
            defer { calls = [] }
            return calls
        }
        for call in calls { call.respond(.text("ok")) }
    }

    func stop() async { await server.shutdown(graceSeconds: 0) }
}

/// `@unchecked Sendable`: set once, before the server is asked anything.
private final class Box: @unchecked Sendable { weak var member: OldMember? }
