import Glibc
import Synchronization
import Testing

@testable import MusterHTTP

/// Runs `body` against a server that plays `script`, and stops both at its end.
func withServer<T>(
    unixPath: String? = nil, configuration: HTTPClient.Configuration = .init(), script: @escaping RawServer.Script,
    _ body: (RawServer, HTTPClient) async throws -> T
) async rethrows -> T {
    let server = RawServer(unixPath: unixPath, script)
    let client = HTTPClient(configuration)
    defer {
        client.close()
        server.stop()
    }
    return try await body(server, client)
}

/// The error that `body` throws. Nil: it throws none, or another kind.
func clientError(_ body: () async throws -> Void) async -> HTTPClientError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? HTTPClientError
    }
}

@Suite struct ClientExchangeTests {
    @Test func oneConnectionServesManyRequests() async throws {
        try await withServer(script: { connection in
            while let request = connection.request() {
                connection.answer(request.line, headers: "X-Thing: a b \r\nx-thing: second\r\n")
            }
        }) { server, client in
            for number in 0..<50 {
                let response = try await client.send(HTTPClientRequest("GET", "\(server.url)/\(number)"))
                #expect(response.status == 200)
                #expect(String(decoding: response.body, as: UTF8.self) == "GET /\(number) HTTP/1.1")
                #expect(response.header("X-THING") == "a b")
                #expect(response.headers.count == 3)
                #expect(response.header("absent") == nil)
            }
            #expect(server.connections == 1)
        }
    }
}
