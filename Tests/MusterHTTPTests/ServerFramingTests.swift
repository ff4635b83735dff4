import Glibc
import MusterHTTP
import MusterServerKit
import Testing

@testable import MusterHTTPClient

private let smuggled = "GET /task HTTP/1.1\r\nHost: localhost\r\n\r\n"

/// Requests whose end can be read in two ways, or in none. Whatever is answered, nothing of the body may be taken for a
/// second request: `/task` leaves a mark when it is called.
@Suite struct ServerFramingTests {
    static let ambiguous: [String] = [
        "Content-Length: 2\r\nContent-Length: 38\r\n",
        "Content-Length: 38\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: 2, 38\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \u{0B}chunked\r\n",
        "Transfer-Encoding:\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: -0\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: 0x2\r\n",
        "Content-Length: 2 2\r\n",
        "Content-Length: 2.0\r\n",
        "Content-Length: two\r\n",
        "Content-Length:\r\n",
        "Content-Length: \r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 99999999999999999999999999\r\n",
    ]

    @Test(arguments: ambiguous)
    func ambiguousLengthsAreRefused(_ headers: String) async throws {
        try await withTestServer { server in
            let client = server.client(capSeconds: 5)
            client.send("POST /body HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n\(smuggled)")
            let status = client.response()?.status
            #expect(status == nil || status == 400 || status == 413 || status == 501)
            #expect(client.isClosedByServer())
            #expect(server.bodies.all.isEmpty, "the body's bytes were taken for a request")
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
        }
    }

    /// Header lines that proxies read differently. Either they are refused, or the length counts; never both ways.
    @Test(arguments: [
        "Content-Length : 38\r\n", " Content-Length: 38\r\n", "X: y\r\n Content-Length: 38\r\n", "Content-Length: 38\n",
        "Content-Length\t: 38\r\n", "Transfer-Encoding : chunked\r\n", "X: y\rTransfer-Encoding: chunked\r\n",
        "X: y\0\r\nContent-Length: 38\r\n",
    ])
    func oddHeaderLines(_ headers: String) async throws {
        try await withTestServer { server in
            let client = server.client(capSeconds: 5)
            client.send("POST /body HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n\(smuggled)")
            let status = client.response()?.status
            #expect(status == nil || status == 400 || server.bodies.all.count <= 1)
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
        }
    }

    static let unclear: [String] = [
        "X:\r\n y\r\n", "X: y\r\n z\r\n", "X: y\r\n\tz\r\n", "X: y\r\n \r\n", "X: y\r\n z\r\nY: a\r\n b\r\n",
        "X:\n y\r\n",
        "Content-Length:\r\n 38\r\n", "Content-Length: 3\r\n 8\r\n", "Transfer-Encoding:\r\n chunked\r\n",
        "X:\r\n Content-Length: 38\r\n",
        "X: y\0\r\n", "X: y\0z\r\n", "X: \0\r\n", "X:\0\r\n", "X: y\0\r\nContent-Length: 38\r\n",
        "Content-Length: 38\0\r\n",
        "Content-Length: 38\0, 40\r\n", "Transfer-Encoding: chunked\0\r\n", "X: y\0\nZ: a\0b\r\n",
    ]

    /// Folded lines and NULs: 400 and the connection's end, wherever they stand and whatever is asked for.
    @Test(arguments: unclear, ["POST /body", "GET /prepared", "GET /nowhere", "HEAD /hello"])
    func headersOfSeveralLinesAndNULs(_ headers: String, _ line: String) async throws {
        try await withTestServer { server in
            for (before, after) in [
                ("Host: localhost\r\n", ""), ("", "Host: localhost\r\n"), ("A: b\r\nHost: c\r\n", "D:\r\n"),
            ] {
                let client = server.client()
                client.send("\(line) HTTP/1.1\r\n\(before)\(headers)\(after)\r\n\(smuggled)")
                #expect(client.response(headOnly: line.hasPrefix("HEAD"))?.status == 400, "\(before) \(after)")
                #expect(client.isClosedByServer())
            }
            #expect(server.bodies.all.isEmpty, "what is behind was taken for a request")
        }
    }

    /// What is not folded is not taken for it: line feeds alone, no values, much white space, a head that comes in pieces.
    @Test(arguments: [1, 7, 100_000])
    func headersOfOneLine(_ piece: Int) async throws {
        try await withTestServer { server in
            let client = server.client()
            let large = (0..<100).map { "X-\($0): \(String(repeating: "v", count: 50))\r\n" }.joined()
            for headers in [
                "X:\r\n", "X: \t \r\nY:\r\nZ:    z   \r\n", "X: y\nZ:\nA: b\r\n", "Cookie: a=b; c=d\r\nX:\r\n",
                "X: y\r\n\n", large,
            ] {
                let bytes = Array("GET /hello HTTP/1.1\r\nHost: a\r\n\(headers)\r\n".utf8)
                for start in stride(from: 0, to: bytes.count, by: piece) {
                    client.send(Array(bytes[start..<min(start + piece, bytes.count)]))
                }
                #expect(client.response()?.text == "hello", "\(headers)")
            }
            // The empty line that came too much is read before the next request.
            #expect(client.ask("GET", "/prepared")?.text == "ready")
        }
    }

    @Test(arguments: [
        "zz\r\nabc\r\n0\r\n\r\n", "-1\r\nabc\r\n0\r\n\r\n", "3\r\nabcdef\r\n0\r\n\r\n", "ffffffffffffffffff\r\nabc",
        "3;a=\"b\r\nabc\r\n0\r\n\r\n\(smuggled)", "\r\n3\r\nabc\r\n0\r\n\r\n", "0x3\r\nabc\r\n0\r\n\r\n",
        "8000000000000000\r\nabc",
    ])
    func brokenChunks(_ body: String) async throws {
        try await withTestServer(.with { $0.limits.idleSeconds = 1 }) { server in
            let client = server.client(capSeconds: 5)
            client.send("POST /body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\(body)")
            client.halfClose()
            let status = client.response()?.status
            // A chunk extension may be dropped; all else is broken.
            #expect(status == nil || status == 400 || status == 413 || body.hasPrefix("3;"))
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
        }
    }

    static let junk: [String] = [
        "\r\n\r\n\r\n\r\n", "\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET /hello\r\n\r\n", "GET /hello HTTP/9.9\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "GET /hello HTTP/1.1\r\n: empty\r\n\r\n",
        "GET hello HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://localhost/hello HTTP/1.1\r\nHost: a\r\n\r\n", "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT localhost:80 HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{FC}\u{3}\u{3}\r\n\r\n",
        "GET /hello HTTP/1.1\n\n", "GET /he\0llo HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET  /hello  HTTP/1.1\r\nHost: a\r\n\r\n", "GET /hello HTTP/1.1",
        "\u{80}\u{FF} /hello HTTP/1.1\r\n\r\n", "POST /body HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
    ]

    /// Whatever comes, something is answered or the connection ends; the server stays. What ends a connection that its
    /// client half closed is the idle time.
    @Test(arguments: junk)
    func junkIsAnsweredOrCut(_ bytes: String) async throws {
        try await withTestServer(.with { $0.limits.idleSeconds = 1 }) { server in
            let client = server.client()
            client.send(bytes)
            client.halfClose()
            let all = try #require(client.rest(), "neither answered nor cut")
            #expect(all.isEmpty || all.starts(with: Array("HTTP/1.".utf8)))
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
        }
    }

    @Test func largeHeader() async throws {
        try await withTestServer { server in
            let client = server.client()
            client.send("GET /hello HTTP/1.1\r\nHost: a\r\nX-Large: ")
            // The server may cut while this is still being sent.
            client.send(String(repeating: "h", count: 1 << 20) + "\r\n\r\n")
            let status = client.response()?.status
            #expect(status == 431 || status == nil)
            #expect(client.isClosedByServer())
            // One that comes in a piece that the server reads whole gets its answer for sure.
            let slow = server.client()
            slow.send("GET /hello HTTP/1.1\r\nHost: a\r\nX-Large: " + String(repeating: "h", count: 32 << 10))
            #expect(slow.response()?.status == 431)
        }
    }

    @Test func longTarget() async throws {
        try await withTestServer { server in
            let client = server.client()
            client.send("GET /" + String(repeating: "a", count: 40 << 10))
            let status = client.response()?.status
            #expect(status == 414 || status == 431)
            #expect(client.isClosedByServer())
            let long = "/v1/jobs/" + String(repeating: "a", count: 8 << 10)
            #expect(server.client().ask("GET", long)?.body.count == 8 << 10)
            #expect(server.client().ask("GET", "/no" + long)?.status == 404)
        }
    }

    @Test func aMillionHeaders() async throws {
        try await withTestServer { server in
            let client = server.client()
            client.send("GET /hello HTTP/1.1\r\nHost: a\r\n")
            let thousand = String(repeating: "A: b\r\n", count: 1000)
            var sent = 0
            while sent < 1000, client.send(thousand) { sent += 1 }
            let status = client.response()?.status
            #expect(status == 431 || status == nil)
            #expect(client.isClosedByServer())
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
        }
    }

    @Test func keepAlive() async throws {
        try await withTestServer { server in
            let client = server.client()
            for _ in 0..<100 { #expect(client.ask("GET", "/hello")?.text == "hello") }
            #expect(server.server.statistics.connections == 1)
            #expect(client.ask("GET", "/hello", "Connection: close\r\n")?["connection"] == "close")
            #expect(client.isClosedByServer())
            let old = server.client()
            old.send("GET /hello HTTP/1.0\r\n\r\n")
            #expect(old.response()?.text == "hello")
            #expect(old.isClosedByServer())
        }
    }

    /// Two requests in one write while the first is held: answered in order, the second not before the first.
    @Test func pipelining() async throws {
        try await withTestServer { server in
            let client = server.client()
            let get = { (target: String) in "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n" }
            client.send(get("/held") + get("/hello") + get("/v1/jobs/1"))
            let held = try #require(server.held.wait())
            #expect(server.server.statistics.requests == 1)
            held.respond(.text("first"))
            #expect((0..<3).map { _ in client.response()?.text } == ["first", "hello", "1"])
            let many = String(repeating: get("/hello"), count: 200)
            client.send(many)
            for _ in 0..<200 { #expect(client.response()?.text == "hello") }
            client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + get("/hello"))
            #expect(client.response()?.text == "abc")
            #expect(client.response()?.text == "hello")
        }
    }
}
