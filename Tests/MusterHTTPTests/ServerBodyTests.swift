import Glibc
import MusterHTTP
import MusterServerKit
import Testing

@testable import MusterHTTPClient

private let host = "Host: localhost\r\n"

/// A body in chunks of a size.
private func chunked(_ body: String, by size: Int) -> String {
    var rest = Substring(body)
    var out = ""
    while !rest.isEmpty {
        let part = rest.prefix(size)
        out += String(part.utf8.count, radix: 16) + "\r\n" + part + "\r\n"
        rest = rest.dropFirst(size)
    }
    return out + "0\r\n\r\n"
}

@Suite struct ServerBodyTests {
    @Test(arguments: [0, 1, 1000, TestRoutes.bodyBytesMax])
    func byLength(_ size: Int) async throws {
        let body = String(repeating: "x", count: size)
        try await withTestServer { server in
            let client = server.client()
            for _ in 0..<3 { #expect(client.ask("POST", "/body", body: body)?.text == body) }
        }
    }

    @Test(arguments: [(1, 1), (1000, 7), (TestRoutes.bodyBytesMax, 4096)])
    func inChunks(_ size: Int, _ chunk: Int) async throws {
        let body = String(repeating: "y", count: size)
        try await withTestServer { server in
            let client = server.client()
            for _ in 0..<3 {
                client.send(
                    "POST /body HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n\(chunked(body, by: chunk))")
                #expect(client.response()?.text == body)
            }
        }
    }

    @Test func withoutABody() async throws {
        try await withTestServer { server in
            let client = server.client()
            #expect(client.ask("POST", "/body")?.body == [])
            // A route that takes none refuses one.
            #expect(client.ask("GET", "/hello", body: "x")?.status == 413)
        }
    }

    /// The refusal comes on the headers alone: no byte of the body was sent.
    @Test(arguments: ["65537", "67108865", "9223372036854775807"])
    func declaredTooLarge(_ length: String) async throws {
        try await withTestServer { server in
            let client = server.client()
            client.send("POST /body HTTP/1.1\r\n\(host)Content-Length: \(length)\r\nExpect: 100-continue\r\n\r\n")
            let head = try #require(client.line(until: [13, 10]))
            #expect(head == "HTTP/1.1 413 Content Too Large\r\n" || head.hasPrefix("HTTP/1.1 413 "))
            #expect(client.isClosedByServer())
            #expect(server.bodies.all.isEmpty)
        }
    }

    /// A client that sends on regardless still reads the answer.
    @Test func declaredTooLargeAndSent() async throws {
        try await withTestServer { server in
            let client = server.client()
            client.request("POST", "/body", body: String(repeating: "z", count: 100_000))
            let response = try #require(client.response())
            #expect(response.status == 413)
            #expect(response.text.contains("100000") && response.text.contains("65536"))
        }
    }

    @Test func continuesWhereTheBodyIsWelcome() async throws {
        try await withTestServer { server in
            let client = server.client()
            client.send("POST /body HTTP/1.1\r\n\(host)Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            #expect(client.line(until: [13, 10, 13, 10])?.hasPrefix("HTTP/1.1 100 ") == true)
            client.send("ok")
            #expect(client.response()?.text == "ok")
        }
    }

    @Test(arguments: [TestRoutes.bodyBytesMax + 1, TestRoutes.bodyBytesMax + 100_000])
    func chunksOverTheBound(_ size: Int) async throws {
        try await withTestServer { server in
            let client = server.client()
            client.send("POST /body HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n")
            client.send(chunked(String(repeating: "z", count: size), by: 1000))
            #expect(client.response()?.status == 413)
            #expect(server.bodies.all.isEmpty)
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
        }
    }

    /// Chunks without end are read for a bounded while only.
    @Test func endlessChunksAreCut() async throws {
        try await withTestServer { server in
            let client = server.client()
            client.send("POST /body HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n")
            let chunk = "2000\r\n" + String(repeating: "e", count: 0x2000) + "\r\n"
            var sent = 0
            while sent < 64 << 20, client.send(chunk) { sent += chunk.utf8.count }
            #expect(sent < 64 << 20)
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
        }
    }

    @Test func manyBodiesAtOnceAreBounded() async throws {
        // A quarter is for small bodies; of that, one address has half at most.
        try await withTestServer(.with { $0.limits.bodyBytesInAllMax = 500_000 }) { server in
            let clients = (0..<2).map { _ in server.client() }
            let body = String(repeating: "b", count: 60_000)
            clients[0].send("POST /body HTTP/1.1\r\n\(host)Content-Length: 60001\r\n\r\n\(body)")
            // By then the server's thread has been round many times, and has read what is there.
            let other = server.client()
            for _ in 0..<50 { #expect(other.ask("GET", "/hello")?.status == 200) }
            clients[1].send("POST /body HTTP/1.1\r\n\(host)Content-Length: 60000\r\n\r\n\(body)")
            let refused = try #require(clients[1].response())
            #expect(refused.status == 503)
            #expect(refused["retry-after"] == "2")
            clients[0].send("b")
            #expect(clients[0].response()?.status == 200)
            #expect(server.client().ask("POST", "/body", body: body)?.status == 200)
        }
    }

    @Test func streamedUpload() async throws {
        try await withTestServer { server in
            let client = server.client()
            let piece = [UInt8](repeating: 3, count: 1 << 20)
            client.request("POST", "/upload", "Content-Length: \(8 << 20)\r\n")
            for _ in 0..<8 { client.send(piece) }
            #expect(client.response()?.text == "\(8 << 20) \(3 * 8 << 20)")
            #expect(client.ask("POST", "/upload", body: "ab")?.text == "2 195")
        }
    }

    /// A reader that does not read stops the client: what is sent beyond the buffers does not get through.
    @Test func streamedUploadWaitsForItsReader() async throws {
        try await withTestServer { server in
            let client = server.client(capSeconds: 1)
            let piece = [UInt8](repeating: 3, count: 1 << 20)
            client.request("POST", "/upload/late", "Content-Length: \(64 << 20)\r\n")
            var sent = 0
            // Loopback's own buffers hold some megabytes of it.
            while sent < 64 {
                guard client.send(piece) else { break }
                sent += 1
            }
            #expect(sent < 64)
        }
    }

    @Test func streamedUploadGoesOnAfterWaiting() async throws {
        try await withTestServer { server in
            let client = server.client()
            let piece = [UInt8](repeating: 3, count: 1 << 20)
            client.request("POST", "/upload/late", "Content-Length: \(32 << 20)\r\n")
            for index in 0..<32 {
                if index == 2 { server.goOn.open() }
                #expect(client.send(piece))
            }
            #expect(client.response()?.text == "\(32 << 20)")
        }
    }

    @Test func uploadThatNobodyReads() async throws {
        try await withTestServer { server in
            let client = server.client()
            for _ in 0..<3 {
                client.request("POST", "/upload/unread", "Content-Length: \(4 << 20)\r\n")
                client.send([UInt8](repeating: 1, count: 4 << 20))
                #expect(client.response()?.text == "enough")
            }
        }
    }

    @Test func streamedUploadOverItsBound() async throws {
        try await withTestServer { server in
            let client = server.client()
            client.send("POST /upload HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n")
            let chunk = "100000\r\n" + String(repeating: "e", count: 1 << 20) + "\r\n"
            for _ in 0..<65 { guard client.send(chunk) else { break } }
            client.send("0\r\n\r\n")
            #expect(client.response()?.status == 413)
            #expect(server.notices.wait() != nil)
        }
    }
}
