internal import MusterAPI
internal import MusterHTTP
internal import MusterWire

/// Where a member takes commands that the coordinator brings: `POST /receive-command`.
package final class CallbackServer: Sendable {
    private let server: HTTPServer
    package let port: UInt16

    /// Listens on a port, 0 for any free one. Throws `HTTPServerError`.
    package init(
        host: String, port: UInt16, onCommand: @escaping @Sendable (_ text: String, _ rank: Int?) -> Void
    ) throws {
        var configuration = HTTPServer.Configuration()
        configuration.host = host
        configuration.port = port
        // Only the coordinator comes, with a short head.
        configuration.limits.connectionBytesMax = 8 << 10
        let route = HTTPRoute("POST", "/receive-command", bodyBytesMax: 64 << 10) { request in
            var fields = try JSONFields(body: request.body)
            let rank = try fields.int("sender", in: 0...Int.max)
            let text = try fields.required("command", fields.string("command", bytesMax: 64 << 10))
            onCommand(text, rank)
            return .respond(.json(Success().body))
        }
        server = HTTPServer(configuration, routes: [route]) { _ in }
        try server.start()
        self.port = server.port
    }

    package func stop() async { await server.shutdown(graceSeconds: 0.2) }
}
