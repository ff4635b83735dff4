import Glibc
import MusterAPI
import MusterServerKit
import MusterWire
import Testing

@testable import MusterHTTP
@testable import MusterHTTPClient

private func server(on hosts: [String]) throws -> TestServer {
    try TestServer(
        .with { $0.hosts = hosts },
        routes: { $0.all + [HTTPRoute("GET", "/who") { .respond(.text($0.peer.address)) }] })
}

private func six() -> Bool {
    let descriptor = socket(AF_INET6, CInt(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_addr = in6addr_loopback
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
        }
    }
}

/// Where a server listens, and how it leaves.
@Suite struct ServerAddressTests {
    private func get(_ url: String) async throws -> String {
        let client = HTTPClient(HTTPClient.Configuration())
        defer { client.close() }
        let answer = try await client.send(HTTPClientRequest("GET", url, timeout: .seconds(30)))
        return String(decoding: answer.body, as: UTF8.self)
    }

    @Test func severalAddresses() async throws {
        let server = try server(on: ["127.0.0.1", "127.0.0.2"])
        for host in ["127.0.0.1", "127.0.0.2"] {
            #expect(try await get("http://\(host):\(server.port)/who") == "127.0.0.1")
        }
        await #expect(throws: (any Error).self) { try await get("http://127.0.0.3:\(server.port)/who") }
        await server.server.shutdown(graceSeconds: 0)
        await #expect(throws: (any Error).self) { try await get("http://127.0.0.2:\(server.port)/who") }
    }

    /// One that cannot be had: none is, and the error names it. At addresses where no other test listens.
    @Test func oneThatIsTaken() async throws {
        let first = try server(on: ["127.0.0.8"])
        let error = #expect(throws: HTTPServerError.self) {
            _ = try TestServer(
                .with {
                    $0.hosts = ["127.0.0.7", "127.0.0.8"]
                    $0.port = first.port
                })
        }
        #expect(error?.message.contains("127.0.0.8:\(first.port)") == true)
        await #expect(throws: (any Error).self) { try await get("http://127.0.0.7:\(first.port)/who") }
        await first.server.shutdown(graceSeconds: 0)
    }

    @Test(.enabled(if: six(), "no IPv6 here")) func allAddressesOfBothFamilies() async throws {
        let server = try server(on: ["::"])
        #expect(try await get("http://[::1]:\(server.port)/who") == "::1")
        // As over a socket of IPv4.
        #expect(try await get("http://127.0.0.1:\(server.port)/who") == "127.0.0.1")
        await server.server.shutdown(graceSeconds: 0)
    }

    @Test(.enabled(if: six(), "no IPv6 here")) func oneAddressOfEach() async throws {
        let server = try server(on: ["::1", "127.0.0.1"])
        #expect(try await get("http://[::1]:\(server.port)/who") == "::1")
        #expect(try await get("http://127.0.0.1:\(server.port)/who") == "127.0.0.1")
        await server.server.shutdown(graceSeconds: 0)
    }

    /// Winding down, everything is answered, whatever it is, and each answer is the last of its connection.
    @Test func windingDown() async throws {
        try await withTestServer { server in
            let old = server.client()
            #expect(old.ask("GET", "/hello")?["connection"] == nil)
            server.server.windDown()
            #expect(old.ask("GET", "/hello")?["connection"] == "close")
            #expect(old.isClosedByServer())
            for target in ["/hello", "/prepared", "/nowhere"] {
                let client = server.client()
                let answer = try #require(client.ask("GET", target))
                #expect(answer.status == (target == "/nowhere" ? 404 : 200) && answer["connection"] == "close")
                #expect(client.isClosedByServer())
            }
            let client = server.client()
            client.request("GET", "/stream")
            let stream = try #require(server.streams.wait())
            _ = stream.write(Array("whole".utf8))
            stream.finish()
            #expect(client.response()?.text == "whole")
        }
    }
}
