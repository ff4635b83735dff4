// Sends each message of a WebSocket back, as what it came: `WebSocketEcho [CERTIFICATE KEY]`, PEM files. What strangers' tests of the
// protocol are run against. Not shipped.

internal import FoundationEssentials
internal import Glibc
internal import MusterHTTP
internal import MusterRole
internal import MusterSystem
internal import MusterWebSocket

final class Echo: WebSocketAudience {
    func take(_ messages: [WebSocketMessage]) {
        for message in messages {
            _ = message.isBinary ? message.socket.write(binary: message.bytes) : message.socket.write(message.bytes)
        }
    }

    func wasEnded(code: Int, _ reason: String) { say("ended \(code): \(reason)") }
}

/// A line at once.
func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(1, bytes, bytes.count)
}

var limits = WebSocketLimits()
(limits.messageBytesMax, limits.takesBinary) = (16 << 20, true)
limits.unreadBytesMax = limits.messageBytesMax
let loops = try WebSocketLoops(2, limits, Echo())
try loops.start()

var configuration = HTTPServer.Configuration()
let files = CommandLine.arguments.dropFirst()
if files.count == 2 {
    let texts = try files.map { try String(contentsOfFile: $0, encoding: .utf8) }
    (configuration.tlsCertificate, configuration.tlsKey) = (texts[0], texts[1])
}
let server = HTTPServer(
    configuration,
    routes: [
        HTTPRoute("GET", "/") { request in
            .respond(
                WebSocketHandshake.answer(request) { _ = loops.adopt($0) })
        }
    ])
try server.start()
say("listening on \(files.isEmpty ? "ws" : "wss")://127.0.0.1:\(server.port)/")
while true { pause() }
