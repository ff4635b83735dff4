import Glibc
import MusterServerKit
import MusterWebSocket
import Testing

@testable import MusterHTTPClient

/// In processes of their own: the environment is a process's.
@Suite(.timeLimit(.minutes(2))) struct WebSocketProxyTests {
    @Test func aTunnelIsAskedFor() async {
        await #expect(processExitsWith: .success) {
            let requests = Kept<String>()
            let proxy = RawServer { connection in
                guard let request = connection.request() else { return }
                requests.add(request.line)
                connection.write("HTTP/1.1 200 Go\r\n\r\n")
                // From here on it is the server behind the proxy.
                requests.add(connection.takeHandshake()?.line ?? "none")
                let framing = WebSocketFraming.server
                connection.serve(framing) { message in
                    if case .text(let text) = message { return framing.queue(text: text) }
                    return true
                }
            }
            setenv("http_proxy", proxy.url, 1)
            let request = HTTPClientRequest("GET", "http://coordinator.example:8080/a")
            let socket = try await HTTPClient().openWebSocket(request)
            #expect(socket.write([0x61]))
            #expect(await socket.next() == [[0x61]])
            #expect(requests.all == ["CONNECT coordinator.example:8080 HTTP/1.1", "GET /a HTTP/1.1"])
        }
    }

    @Test func aProxyThatOpensNone() async {
        await #expect(processExitsWith: .success) {
            let proxy = RawServer { connection in
                _ = connection.request()
                connection.answer("no", status: "403 Forbidden")
            }
            setenv("http_proxy", proxy.url, 1)
            let failure = await #expect(throws: WebSocketFailure.self) {
                _ = try await HTTPClient().openWebSocket(HTTPClientRequest("GET", "http://coordinator.example:8080/a"))
            }
            #expect(failure?.isHung == false)
            #expect(failure?.description.contains("http_proxy") == true, "\(String(describing: failure))")
        }
    }
}
