import FoundationEssentials
import Glibc
import MusterHTTP
import MusterHTTPClient
import MusterServerKit
import Testing

@testable import MusterRole

/// Requests that are meant to confuse, and two edges in one place.
@Suite struct EdgeInputTests {
    /// A second request, which must never be answered as one: it is inside of the first, or behind a broken one.
    private static let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"

    static let ambiguous: [String] = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 0\r\nContent-Length: 36\r\n", "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Content-Length: +5\r\n", "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n", "Content-Length: 99999999999999999999999\r\n", "Content-Length:\r\n",
        "Content-Length : 5\r\n", "Transfer-Encoding : chunked\r\n", "Content Length: 5\r\n",
        "X: a\rContent-Length: 36\r\n", "no colon\r\n",
        "Transfer-Encoding: chunked\r\n ,identity\r\n", "X: a\rTransfer-Encoding: chunked\r\n", "Host: b\r\n",
        "(Bad): 1\r\n", "Accept: a\r\n b\r\n", "Authorization: Bearer admin\r\n\tx\r\n",
    ]

    /// Refused, and nothing behind it is taken for a request; a hot object's shortcut included.
    @Test(arguments: ambiguous) func smuggling(_ fields: String) async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            for target in ["/hot", "/hot", "/hot", "/v1/edge", "/healthz"] {
                #expect(try edge.get(target).status == 200)
            }
            for (method, target) in [
                ("GET", "/hot"), ("GET", "/cold"), ("POST", "/cold"), ("GET", "/v1/edge"), ("GET", "/healthz"),
                ("HEAD", "/hot"),
            ] {
                let client = RawClient(port: edge.port, capSeconds: 20)
                client.send(Array("\(method) \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(Self.hidden)".utf8))
                let rest = try #require(client.rest(), "not closed: \(method) \(target) \(fields)")
                let text = String(decoding: rest, as: UTF8.self)
                #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 4"), "\(method) \(target): \(text.prefix(200))")
                #expect(!text.contains("HTTP/1.1 2"), "\(method) \(target): \(text)")
            }
            #expect(edge.upstream.seen.map(\.target) == ["/hot"])
            #expect(try edge.get("/hot")["x-cache"] == "HIT")
        }
    }

    /// A GET with a body is none that a cache can answer, and its body is no request; one that says it has none is.
    @Test func getWithABody() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            for _ in 0..<2 { _ = try edge.get("/hot") }
            let client = RawClient(port: edge.port, capSeconds: 20)
            client.send(
                Array(
                    ("GET /hot HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                        + "Content-Length: \(Self.hidden.utf8.count)\r\n\r\n\(Self.hidden)").utf8))
            let text = String(decoding: try #require(client.rest()), as: UTF8.self)
            #expect(text.hasPrefix("HTTP/1.1 200"))
            #expect(text.components(separatedBy: "HTTP/1.1 ").count == 2)
            #expect(edge.upstream.seen.map(\.target) == ["/hot", "/hot"])
            #expect(edge.upstream.seen.last?.body == Array(Self.hidden.utf8))
            let none = try edge.get("/hot", [("Content-Length", "0")])
            #expect(none["x-cache"] == "HIT")
            #expect(none.body == plainBody("/hot"))
        }
    }

    /// Two requests in one piece are two, hot or cold.
    @Test func pipelined() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            for _ in 0..<2 { _ = try edge.get("/hot") }
            let client = edge.client()
            let targets = ["/hot", "/cold", "/hot", "/healthz", "/cold"]
            client.send(Array(targets.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined().utf8))
            for target in targets {
                let response = try #require(client.response())
                #expect(response.status == 200)
                if target != "/healthz" { #expect(response.body == plainBody(target)) }
            }
        }
    }

    @Test func hugeHeads() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            for _ in 0..<2 { _ = try edge.get("/hot") }
            let many = (0..<20_000).map { "X-\($0): 1\r\n" }.joined()
            let long = "X: " + String(repeating: "x", count: 1 << 20) + "\r\n"
            for (target, fields) in [
                ("/hot", many), ("/hot", long), ("/cold", many), ("/" + String(repeating: "x", count: 1 << 20), ""),
            ] {
                let client = RawClient(port: edge.port, capSeconds: 20)
                client.send(Array("GET \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8))
                let text = String(decoding: client.rest() ?? [0], as: UTF8.self)
                #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 4"), "\(text.prefix(100))")
            }
            // What is many, but fits into 16 KiB, passes.
            let some = (0..<120).map { (name: "X-\($0)", value: "1") }
            #expect(try edge.get("/hot", some)["x-cache"] == "HIT")
            #expect(try edge.get("/cold", some).status == 200)
            let arrived = edge.upstream.seen.last?.headers.filter { $0.name.hasPrefix("X-") } ?? []
            #expect(arrived.count { !$0.name.hasPrefix("X-Forwarded-") } == 120)
        }
    }

    @Test(arguments: ["nonsense", "*", "", "ftp://a/b", "images/1"]) func targetsThatAreNoPaths(_ target: String)
        async throws
    {
        try await withEdge(plainUpstream) { (edge) throws in
            let client = RawClient(port: edge.port, capSeconds: 20)
            client.send(Array("GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8))
            let text = String(decoding: try #require(client.rest()), as: UTF8.self)
            #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 4"), "\(text.prefix(100))")
            #expect(edge.upstream.seen.isEmpty)
        }
    }

    @Test(arguments: ["CONNECT", "TRACE"]) func methodsThatAreNotPassedOn(_ method: String) async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let response = try edge.ask(method, "/a")
            #expect([400, 405, 501].contains(response.status))
            #expect(edge.upstream.seen.isEmpty)
        }
    }

    @Test func twoEdgesOnOneDirectory() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let error = #expect(throws: NodeError.self) { _ = try edge.makeAnother() }
            let message = "\(error.map { "\($0)" } ?? "")"
            #expect(message.contains(edge.folder))
            #expect(message.contains("another edge uses"))
            #expect(message.contains("--data"))
            #expect(try edge.get("/a").status == 200)
        }
    }

    /// Fuzz: whatever bytes come, it goes on serving.
    @Test(arguments: [UInt64(1), 2, 3]) func noise(seed: UInt64) async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            for _ in 0..<2 { _ = try edge.get("/hot") }
            var random = seed
            func next(_ bound: Int) -> Int {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(random >> 33) % bound
            }
            let good = Array(
                "GET /hot HTTP/1.1\r\nHost: a\r\nRange: bytes=0-5,7-9\r\nIf-None-Match: \"1\"\r\nVia: 1.1 x\r\n\r\n"
                    .utf8)
            for _ in 0..<150 {
                var bytes = good
                for _ in 0...next(6) {
                    let place = next(bytes.count)
                    switch next(3) {
                    case 0: bytes[place] = UInt8(next(256))
                    case 1: bytes.insert(UInt8(next(256)), at: place)
                    default: bytes.remove(at: place)
                    }
                }
                let client = RawClient(port: edge.port, capSeconds: 20)
                client.send(bytes)
                client.halfClose()
                #expect(client.rest() != nil, "\(String(decoding: bytes, as: UTF8.self))")
            }
            // A method that nobody knows may have gone to the upstream, and what was stored with it (RFC 9111, 4.4).
            let first = try edge.get("/hot")
            #expect(first.body == plainBody("/hot"), "\(first.status) \(first.headers) \(first.text.prefix(300))")
            let second = try edge.get("/hot")
            #expect(second["x-cache"] == "HIT", "\(second.status) \(second.headers)")
        }
    }
}
