import Glibc
import MusterServerKit
import Synchronization
import Testing

@testable import MusterHTTPClient

@Suite struct ClientFailureTests {
    struct Broken: Sendable, CustomTestStringConvertible {
        var name: String
        var code: HTTPClientError.Code
        var isRetryable: Bool
        var script: RawServer.Script
        var testDescription: String { name }
    }

    /// What a server can get wrong after it has read the request.
    static let broken: [Broken] = [
        Broken(name: "nothing at all", code: .broken, isRetryable: true) { _ in },
        Broken(name: "not HTTP", code: .broken, isRetryable: true) { $0.write("hello, who is there?\r\n\r\n") },
        Broken(name: "half a head", code: .broken, isRetryable: true) { $0.write("HTTP/1.1 200 OK\r\nConte") },
        Broken(name: "shorter than announced", code: .broken, isRetryable: true) {
            $0.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        },
        Broken(name: "chunks without an end", code: .broken, isRetryable: true) {
            $0.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        },
        Broken(name: "a chunk of no size", code: .broken, isRetryable: true) {
            $0.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n")
        },
        Broken(name: "announced too large", code: .tooLarge, isRetryable: false) {
            $0.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + String(repeating: "x", count: 100_000))
        },
        Broken(name: "too large without saying so", code: .tooLarge, isRetryable: false) {
            $0.write("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 100_000))
        },
        Broken(name: "headers without an end", code: .tooLarge, isRetryable: false) { connection in
            connection.write("HTTP/1.1 200 OK\r\n")
            for _ in 0..<100_000 { guard connection.write("X-Again: and again\r\n") else { return } }
        },
    ]

    @Test(arguments: broken)
    func brokenAnswersAreErrors(_ broken: Broken) async throws {
        let script: RawServer.Script = { connection in
            guard connection.request() != nil else { return }
            broken.script(connection)
        }
        try await withServer(script) { server, client in
            let url = server.url.replacing("http://", with: "http://name:secret@") + "/path"
            let error = await clientError {
                _ = try await client.send(
                    HTTPClientRequest("GET", url, timeout: .seconds(30), responseBytesMax: 1000, mayResend: false))
            }
            #expect(error?.code == broken.code, "\(String(describing: error))")
            #expect(error?.isRetryable == broken.isRetryable)
            #expect(error?.message.contains("GET \(server.url)/path: ") == true, "\(String(describing: error))")
            #expect(error?.message.contains("secret") == false)
        }
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        var request: HTTPClientRequest
        var code: HTTPClientError.Code
        var testDescription: String { "\(request.method) \(request.url.prefix(40)) \(request.headers)" }
    }

    @Test(arguments: [
        Refused(request: HTTPClientRequest("GET", ""), code: .badURL),
        Refused(request: HTTPClientRequest("GET", "127.0.0.1:80/"), code: .badURL),
        Refused(request: HTTPClientRequest("GET", "file:///etc/passwd"), code: .badURL),
        Refused(request: HTTPClientRequest("GET", "ftp://127.0.0.1/"), code: .badURL),
        Refused(request: HTTPClientRequest("GET", "http://"), code: .badURL),
        Refused(request: HTTPClientRequest("GET", "http://127.0.0.1:99999/"), code: .badURL),
        Refused(request: HTTPClientRequest("GET", "http://127.0.0.1/a b"), code: .badURL),
        Refused(request: HTTPClientRequest("GET", "http://127.0.0.1/\r\nX: y"), code: .badURL),
        Refused(request: HTTPClientRequest("GE T", "http://127.0.0.1/"), code: .other),
        Refused(request: HTTPClientRequest("", "http://127.0.0.1/"), code: .other),
        Refused(request: HTTPClientRequest("HEAD", "http://127.0.0.1/", body: [1]), code: .other),
        Refused(request: HTTPClientRequest("GET", "http://127.0.0.1/", headers: [("A b", "c")]), code: .other),
        Refused(request: HTTPClientRequest("GET", "http://127.0.0.1/", headers: [("A", "c\r\nB: d")]), code: .other),
        Refused(request: HTTPClientRequest("GET", "http://127.0.0.1/", headers: [("A", "c\0d")]), code: .other),
        Refused(request: HTTPClientRequest("GET", "http://x/", unixSocket: "/nowhere/there"), code: .connect),
        Refused(
            request: HTTPClientRequest("GET", "http://x/", unixSocket: String(repeating: "a", count: 108)),
            code: .connect),
        Refused(request: HTTPClientRequest("GET", "http://no-such-host.invalid/"), code: .resolve),
        Refused(
            request: HTTPClientRequest("PUT", "http://127.0.0.1/", body: [1], upload: .file(path: "/etc/hosts")),
            code: .other),
        Refused(request: HTTPClientRequest("PUT", "http://127.0.0.1/", upload: .file(path: "/no/file")), code: .other),
        Refused(request: HTTPClientRequest("PUT", "http://127.0.0.1/", upload: .file(path: "/tmp")), code: .other),
    ])
    func whatCannotBeSentFails(_ refused: Refused) async throws {
        let client = HTTPClient(.init(usesProxies: false))
        defer { client.close() }
        let error = await clientError { _ = try await client.send(refused.request) }
        #expect(error?.code == refused.code, "\(String(describing: error))")
        let oneLine = error?.message.unicodeScalars.allSatisfy { $0.value >= 0x20 }
        #expect(oneLine == true)
    }

    @Test(arguments: [
        ("http://127.0.0.1", true), ("https://127.9.8.7:1/x", true), ("http://LOCALHOST?q", true),
        ("http://[::1]:80/", true),
        ("http://user:p%40ss@localhost:80", true), ("http://a.localhost/", true), ("http://127.0.0.1.example/", false),
        ("http://localhost.example", false), ("http://127.0.0.1@example/", false), ("http://example/@127.0.0.1", false),
        ("http://127.0.1/", false), ("http://[::2]/", false), ("http://10.0.0.1", false),
    ])
    func loopbackHosts(_ url: String, _ expected: Bool) {
        #expect(HTTPClientRequest("GET", url).isLoopback == expected)
    }

    @Test func aPlainServerIsNoTLSServer() async throws {
        let script: RawServer.Script = { $0.write("HTTP/1.1 400 Bad Request\r\n\r\n") }
        try await withServer(script) { server, client in
            let url = server.url.replacing("http:", with: "https:")
            let error = await clientError { _ = try await client.send(HTTPClientRequest("GET", url)) }
            #expect(error?.code == .tls)
            #expect(error?.isRetryable == false)
        }
    }

    /// A port that is taken, so that no other test's server gets it, and at which nobody listens.
    @Test func nobodyListens() async throws {
        let taken = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(taken) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(taken, $0, size) == 0 && getsockname(taken, $0, &size) == 0
            }
        }
        try #require(isBound)
        let url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        let client = HTTPClient()
        defer { client.close() }
        let error = await clientError { _ = try await client.send(HTTPClientRequest("GET", url)) }
        #expect(error?.code == .connect)
        #expect(error?.isRetryable == true)
    }

    @Test(arguments: [
        HTTPClientRequest("GET", "", timeout: .milliseconds(100)), HTTPClientRequest("GET", "", timeout: .zero),
        HTTPClientRequest("GET", "", idleTimeout: .milliseconds(100)),
        HTTPClientRequest("POST", "", body: Array(repeating: 0, count: 100), idleTimeout: .milliseconds(100)),
    ])
    func silenceTimesOut(_ request: HTTPClientRequest) async throws {
        try await withServer(silence) { server, client in
            var request = request
            request.url = server.url
            let error = await clientError { _ = try await client.send(request) }
            #expect(error?.code == .timeout)
            #expect(error?.isRetryable == true)
        }
    }

    @Test func waitingForAConnectionTimesOut() async throws {
        try await withServer(silence, configuration: .init(connectionsPerHostMax: 1)) { server, client in
            let holder = client.send(HTTPClientRequest("GET", server.url)) { _ in }
            #expect(await eventually { server.connections == 1 })
            let error = await clientError {
                _ = try await client.send(HTTPClientRequest("GET", server.url, timeout: .milliseconds(100)))
            }
            #expect(error?.code == .timeout)
            holder.cancel()
        }
    }

    @Test func bytesNowAndThenAreNotIdle() async throws {
        let script: RawServer.Script = { connection in
            guard connection.request() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n")
            for _ in 0..<30 {
                usleep(50_000)
                connection.write("x")
            }
        }
        try await withServer(script) { server, client in
            let request = HTTPClientRequest("GET", server.url, idleTimeout: .seconds(1))
            let response = try await client.send(request)
            #expect(response.body.count == 30)
        }
    }

    @Test func tooManyExchangesAreRefused() async throws {
        try await withServer(silence, configuration: .init(exchangesMax: 2)) { server, client in
            let first = client.send(HTTPClientRequest("GET", server.url)) { _ in }
            client.send(HTTPClientRequest("GET", server.url)) { _ in }
            let error = await clientError { _ = try await client.send(HTTPClientRequest("GET", server.url)) }
            #expect(error?.code == .other)
            #expect(error?.isRetryable == true)
            first.cancel()
            let later = await clientError {
                // The cancelled one's place is free soon after.
                while true {
                    do {
                        _ = try await client.send(HTTPClientRequest("GET", server.url, timeout: .milliseconds(50)))
                    } catch let error as HTTPClientError where error.code == .other {
                        await Task.yield()
                    }
                }
            }
            #expect(later?.code == .timeout)
        }
    }

    /// A kept-alive connection that dies under a request: GET goes out again, POST may have been acted on.
    @Test(
        arguments: [("GET", nil, 2), ("POST", nil, 1), ("POST", true, 2), ("GET", false, 1)] as [(String, Bool?, Int)])
    func resending(_ method: String, _ mayResend: Bool?, _ requestsSeen: Int) async throws {
        let seen = Atomic(0)
        let script: RawServer.Script = { connection in
            let isFirst = seen.load(ordering: .relaxed) == 0
            while let request = connection.request() {
                if request.line.contains("/warm") {
                    connection.answer()
                } else {
                    seen.add(1, ordering: .relaxed)
                    if isFirst { return }
                    connection.answer("second")
                }
            }
        }
        try await withServer(script) { server, client in
            _ = try? await client.send(HTTPClientRequest("GET", server.url + "/warm"))
            let result = await clientError {
                let request = HTTPClientRequest(
                    method, server.url + "/work", body: method == "POST" ? [1] : nil, mayResend: mayResend)
                let response = try await client.send(request)
                #expect(text(response.body) == "second")
            }
            #expect(result?.code == (requestsSeen == 1 ? .broken : nil))
            #expect(seen.load(ordering: .relaxed) == requestsSeen)
        }
    }
}
