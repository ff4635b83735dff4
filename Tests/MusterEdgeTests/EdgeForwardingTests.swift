import MusterServerKit
import Testing

@testable import MusterEdge
@testable import MusterRole

/// What the upstream is told, what is passed on as it is, and whose paths are whose.
@Suite(.timeLimit(.minutes(3))) struct EdgeForwardingTests {
    private static let claims = [
        "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port",
    ].map { (name: $0, value: "203.0.113.9") }

    @Test(arguments: ["GET", "POST"]) func theUpstreamIsToldWhoAsks(_ method: String) async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let host = "127.0.0.1:\(edge.port)"
            _ = try edge.ask(method, "/a", body: method == "GET" ? nil : [1], Self.claims + [("Host", host)])
            let seen = try #require(edge.upstream.seen.first)
            #expect(seen["forwarded"] == "for=127.0.0.1;proto=http;host=\"\(host)\"")
            #expect(seen["x-forwarded-for"] == "127.0.0.1")
            #expect(seen["x-forwarded-proto"] == "http")
            #expect(seen["x-forwarded-host"] == host)
            #expect(seen["x-forwarded-port"] == nil)
            #expect(!seen.headers.contains { $0.value.contains("203.0.113.9") })
        }
    }

    /// A name that any client may make up is told of no answer that all get, unless the owner has given it.
    @Test func namesOfHosts() async throws {
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.hostNames = ["www.example.org"] }
        try await withEdge(configured: change, plainUpstream) { (edge) throws in
            func told(_ method: String, _ host: String) throws -> String? {
                let body: [UInt8]? = method == "GET" ? nil : [1]
                _ = try edge.ask(method, "/\(edge.upstream.seen.count)", body: body, [("Host", host)])
                return edge.upstream.seen.last?["x-forwarded-host"]
            }
            #expect(try told("GET", "evil.example") == nil)
            #expect(try told("GET", "WWW.example.org") == "WWW.example.org")
            #expect(try told("GET", "www.example.org:81") == nil)
            #expect(try told("POST", "evil.example") == "evil.example")
        }
    }

    @Test func nobodyIsNamedWithForwardedOff() async throws {
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.tellsClients = false }
        try await withEdge(configured: change, plainUpstream) { (edge) throws in
            _ = try edge.get("/a", Self.claims)
            let seen = try #require(edge.upstream.seen.first)
            #expect(!seen.headers.contains { $0.name.lowercased().contains("forwarded") })
        }
    }

    /// Whoever is sent on is sent to the edge again, from what is stored and from what is not.
    @Test func locationsLeadToTheEdge() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let own = "http://\(request["host"] ?? "")"
            let target = request.target == "/away" ? "http://other.example/b" : own + "/b?c"
            connection.answer(
                301, ["Cache-Control: max-age=60", "Location: \(target)", "Content-Location: \(own)//c"], [])
        }
        try await withEdge(script) { (edge) throws in
            for _ in 0..<2 {
                let response = try edge.get("/a")
                #expect(response.status == 301)
                #expect(response["location"] == "/b?c")
                #expect(response["content-location"] == "/.//c")
                #expect(try edge.get("/away")["location"] == "http://other.example/b")
            }
            #expect(try edge.ask("POST", "/a", body: [1])["location"] == "/b?c")
        }
    }

    @Test func optionsOfTheServerItself() async throws {
        let script: ScriptedUpstream.Script = { _, connection in connection.answer(204, ["Allow: GET, PUT"]) }
        try await withEdge(script) { (edge) throws in
            let response = try edge.ask("OPTIONS", "*")
            #expect(response.status == 204)
            #expect(response["allow"] == "GET, PUT")
            #expect(edge.upstream.seen.map(\.target) == ["*"])
            #expect(edge.upstream.seen[0]["host"] == "127.0.0.1:\(edge.upstream.port)")
            // It is forwarded no further than it may be.
            #expect(try edge.ask("OPTIONS", "*", [("Max-Forwards", "0")]).status == 204)
            #expect(edge.upstream.seen.count == 1)
            #expect(try edge.ask("PUT", "*", body: [1]).status == 400)
        }
    }

    /// Its answer is the sender's own, whatever is stored, and changes nothing.
    @Test(arguments: [10, 2 << 20]) func aGetWithABodyPasses(_ count: Int) async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            connection.answer(
                200, ["Cache-Control: max-age=60"], Array("\(request.method) with \(request.body.count)".utf8))
        }
        try await withEdge(script) { (edge) throws in
            #expect(try edge.get("/a").text == "GET with 0")
            for _ in 0..<2 {
                let response = try edge.ask("GET", "/a", body: [UInt8](repeating: 1, count: count))
                #expect(response.text == "GET with \(count)")
                #expect(response["cache-status"]?.contains("fwd=bypass; fwd-status=200") == true)
            }
            let hit = try edge.get("/a")
            #expect(hit["x-cache"] == "HIT")
            #expect(hit.text == "GET with 0")
            #expect(edge.upstream.seen.count == 3)
            #expect(try edge.ask("HEAD", "/a", body: [1]).status == 400)
        }
    }

    /// The upstream is not asked whether a body may be sent: one that does not know the question would hold it up.
    @Test func largeUploadsAreNotAnnounced() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let response = try edge.ask("PUT", "/a", body: [UInt8](repeating: 1, count: 3 << 20))
            #expect(response.status == 200)
            #expect(edge.upstream.seen[0].body.count == 3 << 20)
            #expect(edge.upstream.seen[0]["expect"] == nil)
        }
    }

    @Test func tooManyLinesOfAHeader() async throws {
        let script: ScriptedUpstream.Script = { _, connection in
            connection.answer(200, (0..<1_000).map { "X-\($0): 1" }, [1])
        }
        try await withEdge(script) { (edge) throws in
            let response = try edge.get("/a")
            #expect(response.status == 502)
            #expect(response.text.contains("1000 lines"))
        }
    }

    /// The edge's own routes may stand elsewhere; then the upstream's of these names can be had.
    @Test func ownPathsElsewhere() async throws {
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.ownPaths = "/.muster" }
        let paths = ["/healthz", "/readyz", "/v1/edge", "/openapi.json", "/metrics"]
        try await withEdge(configured: change, plainUpstream) { (edge) throws in
            for path in paths {
                #expect(try edge.get(path).body == plainBody(path))
                let own = try #require(edge.client().ask("GET", "/.muster" + path, token: "admin"))
                #expect(own.status == 200)
                #expect(own.body != plainBody("/.muster" + path), "it is not the upstream's")
                #expect(own["x-cache"] == nil)
            }
            #expect(edge.upstream.seen.map(\.target) == paths)
            let document = try #require(edge.client().ask("GET", "/.muster/openapi.json", token: "admin"))
            #expect(document.text.contains("\"/.muster/v1/purge\""))
        }
    }

    @Test func edgesFindEachOtherUnderTheirOwnPaths() async throws {
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.ownPaths = "/.muster" }
        try await withEdges([1, 2], configured: change) { edges, upstream in
            try await onThread { () throws in
                // From the leader, which would ask the upstream for what another has.
                edges.await(leader: 2)
                #expect(try edges.get(2, "/a").status == 200)
                #expect(try holdsAtLast { try edges.has(1, "/a") })
                #expect(upstream.seen.map(\.target) == ["/a"])
            }
        }
    }

    @Test func whatChangesEachMomentIsStoredNowhere() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            for path in ["/healthz", "/readyz", "/v1/edge"] {
                #expect(try edge.get(path)["cache-control"] == "no-store", "\(path)")
            }
        }
    }
}
