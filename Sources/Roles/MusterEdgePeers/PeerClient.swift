internal import MusterHTTP
internal import MusterHTTPClient

/// How one edge asks another.
struct PeerClient: Sendable {
    private let client: HTTPClient
    private let token: String
    let heartbeat: Duration
    private let ownPaths: String

    init(_ client: HTTPClient, _ settings: PeerSettings) {
        (self.client, token) = (client, settings.token)
        (heartbeat, ownPaths) = (settings.heartbeat, settings.ownPaths)
    }

    /// To the edge at `url`, with what lets this one in. `path`: as the table of routes has it.
    func request(
        _ method: String, _ url: String, _ path: String, body: [UInt8]? = nil, timeout: Duration? = nil
    ) -> HTTPClientRequest {
        let usual = max(.milliseconds(500), heartbeat * 4)
        var request = HTTPClientRequest(
            method, url + ownPaths + path, body: body, timeout: timeout ?? usual, connectTimeout: usual)
        request.headers = [("Authorization", "Bearer \(token)")]
        if body != nil { request.headers.append(("Content-Type", "application/json")) }
        request.responseBytesMax = 4 << 20
        // Names are followed with each new connection: an edge that comes back elsewhere is found there at once.
        request.namesLast = .zero
        return request
    }

    func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse { try await client.send(request) }

    /// `done` is called later, never inside this call.
    func send(
        _ request: HTTPClientRequest, _ done: @escaping @Sendable (Result<HTTPClientResponse, HTTPClientError>) -> Void
    ) {
        client.send(request, completion: done)
    }

    func stream(_ request: HTTPClientRequest) async throws -> HTTPClientStream { try await client.stream(request) }
}
