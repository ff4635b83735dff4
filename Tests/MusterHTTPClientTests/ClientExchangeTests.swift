import Glibc
import Synchronization
import Testing

@testable import MusterHTTPClient

/// Runs `body` against a server that plays `script`, and stops both at its end.
func withServer<T>(
    _ script: @escaping RawServer.Script, unixPath: String? = nil, configuration: HTTPClient.Configuration = .init(),
    run body: (RawServer, HTTPClient) async throws -> T
) async throws -> T {
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

/// Reads requests for ever and answers each with what it asked: method, target, headers and body.
func echo(_ connection: RawConnection) {
    while let request = connection.request() {
        let text = ([request.line] + request.headers).joined(separator: "\n") + "\n\n"
        connection.answer(text + String(decoding: request.body, as: UTF8.self))
    }
}

/// Never answers.
func silence(_ connection: RawConnection) { connection.awaitEnd() }

func hangUpUnanswered(_ connection: RawConnection) { _ = connection.request() }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

@Suite struct ClientExchangeTests {
    @Test func oneConnectionServesManyRequests() async throws {
        let script: RawServer.Script = { connection in
            while let request = connection.request() {
                connection.answer(request.line, headers: "X-Thing: a b \r\nx-thing: second\r\nEmpty:\r\n")
            }
        }
        try await withServer(script) { server, client in
            for number in 0..<50 {
                let response = try await client.send(HTTPClientRequest("GET", "\(server.url)/\(number)"))
                #expect(response.status == 200)
                #expect(text(response.body) == "GET /\(number) HTTP/1.1")
                #expect(response.header("X-THING") == "a b")
                #expect(response.header("empty") == "")
                #expect(response.headers.map(\.name) == ["Content-Length", "X-Thing", "x-thing", "Empty"])
                #expect(response.header("absent") == nil)
            }
            #expect(server.connections == 1)
        }
    }

    struct Sending: Sendable, CustomTestStringConvertible {
        var request: HTTPClientRequest
        var has: [String] = []
        var hasNot: [String] = []
        var testDescription: String { "\(request.method) \(request.headers) \(request.body?.count ?? -1)" }
    }

    @Test(arguments: [
        Sending(
            request: HTTPClientRequest("GET", "/a?b=c"), has: ["GET /a?b=c HTTP/1.1", "User-Agent: muster"],
            hasNot: ["Content-Type", "Content-Length", "Expect"]),
        Sending(
            request: HTTPClientRequest("POST", "/"), has: ["POST / HTTP/1.1", "Content-Length: 0"],
            hasNot: ["Content-Type"]),
        Sending(
            request: HTTPClientRequest("PATCH", "/"), has: ["PATCH / HTTP/1.1", "Content-Length: 0"],
            hasNot: ["Content-Type"]),
        Sending(
            request: HTTPClientRequest("PUT", "/", body: Array("abc".utf8)),
            has: ["PUT / HTTP/1.1", "Content-Length: 3", "\n\nabc"], hasNot: ["Content-Type", "Expect"]),
        Sending(
            request: HTTPClientRequest(
                "POST", "/", headers: [("Content-Type", "application/json")], body: [0x7B, 0x7D]),
            has: ["Content-Type: application/json", "\n\n{}"], hasNot: ["form-urlencoded"]),
        Sending(
            request: HTTPClientRequest("DELETE", "/x", headers: [("X-Empty", ""), ("X-Two", "1: 2")]),
            has: ["DELETE /x HTTP/1.1", "X-Empty:", "X-Two: 1: 2"], hasNot: ["Content-Length"]),
        Sending(request: HTTPClientRequest("PURGE", "/x"), has: ["PURGE /x HTTP/1.1"]),
        Sending(
            request: HTTPClientRequest("POST", "/", body: Array(repeating: 0x61, count: 300_000)),
            has: ["Content-Length: 300000", "\n\naaa"], hasNot: ["Expect", "Content-Type"]),
        Sending(
            request: HTTPClientRequest("POST", "/", body: Array(repeating: 0x61, count: 2 << 20)),
            has: ["Content-Length: 2097152", "Expect: 100-continue"]),
    ])
    func sendsWhatWasAsked(_ sending: Sending) async throws {
        try await withServer(echo) { server, client in
            var request = sending.request
            request.url = server.url + request.url
            let response = try await client.send(request)
            let answer = text(response.body)
            for part in sending.has { #expect(answer.contains(part)) }
            for part in sending.hasNot { #expect(!answer.contains(part)) }
            if let body = request.body { #expect(answer.utf8.count >= body.count) }
            // Nothing of one request may stay in its reused handle for the next.
            let second = try await client.send(HTTPClientRequest("GET", server.url + "/plain"))
            let plain = text(second.body)
            #expect(plain.hasPrefix("GET /plain HTTP/1.1\n"))
            #expect(!plain.contains("X-") && !plain.contains("Content-") && !plain.contains("Expect"))
            #expect(server.connections == 1)
        }
    }

    @Test func headHasNoBody() async throws {
        let script: RawServer.Script = { connection in
            while connection.request() != nil { connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n") }
        }
        try await withServer(script) { server, client in
            for _ in 0..<2 {
                let response = try await client.send(HTTPClientRequest("HEAD", server.url, timeout: .seconds(20)))
                #expect(response.status == 200 && response.body.isEmpty)
                #expect(response.header("content-length") == "1000")
            }
        }
    }

    @Test func interimResponsesAndTrailersArePassedOver() async throws {
        let script: RawServer.Script = { connection in
            while connection.request() != nil {
                connection.write("HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\n")
                connection.write("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201 Created\r\nX: final\r\n")
                connection.write("Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n")
                for part in ["3\r", "\nabc", "\r\n2;ext=1\r\nde\r\n0\r\nX: ", "trailer\r\nHTTP/1.1: 500\r\n\r\n"] {
                    connection.write(part)
                }
            }
        }
        try await withServer(script) { server, client in
            for _ in 0..<3 {
                let response = try await client.send(HTTPClientRequest("GET", server.url))
                #expect(response.status == 201)
                #expect(text(response.body) == "abcde")
                #expect(response.headers.map(\.name) == ["X", "Transfer-Encoding", "Trailer"])
                #expect(response.header("x") == "final")
            }
            #expect(server.connections == 1)
        }
    }

    @Test func redirectsAreAnswers() async throws {
        let script: RawServer.Script = { connection in
            while connection.request() != nil { connection.answer(status: "302 Found", headers: "Location: /else\r\n") }
        }
        try await withServer(script) { server, client in
            let response = try await client.send(HTTPClientRequest("GET", server.url))
            #expect(response.status == 302)
            #expect(response.header("location") == "/else")
        }
    }

    @Test func unixSocket() async throws {
        let path = "/tmp/muster-client-\(getpid()).sock"
        try await withServer(echo, unixPath: path) { server, client in
            for _ in 0..<3 {
                let response = try await client.send(HTTPClientRequest("GET", "http://engine/info", unixSocket: path))
                #expect(text(response.body).contains("Host: engine"))
            }
            #expect(server.connections == 1)
        }
    }

    @Test func connectionsPerHostAreBounded() async throws {
        try await withServer(echo, configuration: .init(connectionsPerHostMax: 2)) { server, client in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<40 {
                    group.addTask { try await client.send(HTTPClientRequest("GET", "\(server.url)/\(number)")).status }
                }
                for try await status in group { #expect(status == 200) }
            }
            #expect((1...2).contains(server.connections))
        }
    }

    @Test func completionsMaySendMore() async throws {
        try await withServer(echo) { server, client in
            let statuses = await withCheckedContinuation { continuation in
                sendInTurn(20, server.url, client, []) { continuation.resume(returning: $0) }
            }
            #expect(statuses == Array(repeating: 200, count: 20))
            #expect(server.connections == 1)
        }
    }

    /// Each request is sent by the completion of the one before.
    private func sendInTurn(
        _ left: Int, _ url: String, _ client: HTTPClient, _ statuses: [Int], _ done: @escaping @Sendable ([Int]) -> Void
    ) {
        guard left > 0 else { return done(statuses) }
        client.send(HTTPClientRequest("GET", url)) { result in
            sendInTurn(left - 1, url, client, statuses + [(try? result.get().status) ?? 0], done)
        }
    }

    @Test func manyMebibytesArrive() async throws {
        let script: RawServer.Script = { connection in
            while connection.request() != nil {
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(32 << 20)\r\n\r\n")
                for piece in 0..<UInt8(32) { connection.write([UInt8](repeating: piece, count: 1 << 20)) }
            }
        }
        try await withServer(script) { server, client in
            let body = try await client.send(HTTPClientRequest("GET", server.url)).body
            #expect(body.count == 32 << 20)
            for piece in 0..<32 {
                let range = (piece << 20)..<((piece + 1) << 20)
                #expect(body[range].allSatisfy { $0 == UInt8(piece) })
            }
        }
    }
}
