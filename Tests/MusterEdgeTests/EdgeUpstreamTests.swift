import MusterCache
import MusterHTTP
import MusterHTTPClient
import MusterServerKit
import Testing

@testable import MusterEdge

/// Upstreams that are down, slow, wrong or hostile.
@Suite(.serialized) struct EdgeUpstreamTests {
    /// Fresh answers go on, stale ones are marked, what must be validated is refused, what is not there cannot be had.
    @Test func upstreamDown() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            switch request.target {
            case "/fresh": connection.answer(200, ["Cache-Control: max-age=600"], Array("fresh".utf8))
            case "/stale":
                connection.answer(200, ["Cache-Control: max-age=5", "Age: 60", "ETag: \"1\""], Array("stale".utf8))
            case "/must":
                connection.answer(
                    200, ["Cache-Control: max-age=5, must-revalidate", "Age: 60", "ETag: \"1\""], Array("must".utf8))
            case "/proxy":
                connection.answer(
                    200, ["Cache-Control: max-age=5, proxy-revalidate", "Age: 60", "ETag: \"1\""], Array("must".utf8))
            case "/nocache": connection.answer(200, ["Cache-Control: no-cache", "ETag: \"1\""], Array("must".utf8))
            default:
                connection.answer(
                    200, ["Cache-Control: max-age=5, stale-if-error=10", "Age: 60", "ETag: \"1\""], Array("old".utf8))
            }
        }
        try await withEdge(script) { (edge) throws in
            for target in ["/fresh", "/stale", "/must", "/proxy", "/nocache", "/old"] {
                #expect(try edge.get(target).status == 200)
            }
            edge.upstream.stop()
            for _ in 0..<3 {
                #expect(try edge.get("/fresh")["x-cache"] == "HIT")
                let stale = try edge.get("/stale")
                #expect(stale.status == 200)
                #expect(stale.text == "stale")
                #expect(stale["x-cache"] == "STALE")
                #expect(stale["cache-status"]?.contains("detail=upstream-unreachable") == true)
                for target in ["/must", "/proxy", "/nocache"] {
                    #expect(try edge.get(target).status == 504, "\(target)")
                }
                // Staler than it allows.
                #expect(try edge.get("/old").status == 502)
                #expect(try edge.get("/none").status == 502)
            }
            // As soon as it is back it is asked again.
            edge.replaceUpstream(plainUpstream)
            #expect(try edge.get("/must").text == "must")
            #expect(try edge.get("/none").body == plainBody("/none"))
        }
    }

    @Test(arguments: [500, 502, 503, 504]) func anErrorInTheStoredAnswersPlace(_ status: Int) async throws {
        let fails = Counter()
        let script: ScriptedUpstream.Script = { request, connection in
            if fails.next() > 1 { return connection.answer(status, [], Array("down".utf8)) }
            connection.answer(
                200, ["Cache-Control: max-age=1, stale-if-error=600", "Age: 60", "ETag: \"1\""], Array("old".utf8))
        }
        try await withEdge(script) { (edge) throws in
            _ = try edge.get("/a")
            for _ in 0..<2 {
                let stale = try edge.get("/a")
                #expect(stale.text == "old")
                #expect(stale["x-cache"] == "STALE")
                #expect(stale["cache-status"]?.contains("detail=upstream-\(status)") == true)
            }
            #expect(try edge.get("/b").status == status)
        }
    }

    /// It answers nothing: in its head, or in the middle of its body.
    @Test(arguments: [true, false]) func upstreamSlow(isInTheBody: Bool) async throws {
        let over = Latch()
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.upstreamSeconds = 1 }
        let script: ScriptedUpstream.Script = { _, connection in
            if isInTheBody {
                connection.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhalf")
            }
            over.wait()
            connection.hangUp()
        }
        try await withEdge(configured: change, script) { (edge) throws in
            defer { over.open() }
            let client = edge.client()
            client.begin("GET", "/a")
            if isInTheBody {
                #expect(client.reads("half"))
                #expect(client.rest() != nil)
            } else {
                let response = try #require(client.response())
                #expect(response.status == 504)
                #expect(response["x-cache"] == "MISS")
            }
            #expect(edge.edge.cache.store.statistics.objects == 0)
        }
    }

    struct Lie: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: String
        var closes = true
    }

    /// The client sees that it is not whole, and it is not stored; the next one is asked for anew.
    @Test(arguments: [
        Lie(testDescription: "short", answer: "Content-Length: 100\r\n\r\nshort"),
        Lie(testDescription: "nothing of it", answer: "Content-Length: 100\r\n\r\n"),
        Lie(testDescription: "no last chunk", answer: "Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n"),
        Lie(testDescription: "half a chunk", answer: "Transfer-Encoding: chunked\r\n\r\n50\r\nshort"),
        Lie(testDescription: "no chunk", answer: "Transfer-Encoding: chunked\r\n\r\nshort\r\n\r\n", closes: false),
    ])
    func brokenBodiesAreSeenAndForgotten(_ lie: Lie) async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            if request["x-honest"] != nil { return plainUpstream(request, connection) }
            connection.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: \"1\"\r\n" + lie.answer)
            if lie.closes { connection.hangUp() }
        }
        try await withEdge(script) { (edge) throws in
            for _ in 0..<3 {
                let client = edge.client()
                let response = client.ask("GET", "/a")
                // No whole answer that claims to be one.
                #expect(response == nil || response?.status == 502)
                if response == nil { #expect(client.rest() != nil) }
            }
            #expect(edge.edge.cache.store.statistics.objects == 0)
            #expect(edge.edge.cache.store.statistics.diskBytes == 0)
            #expect(edge.upstream.seen.count >= 3)
            #expect(try edge.get("/a", [("X-Honest", "1")]).body == plainBody("/a"))
            #expect(try edge.get("/a")["x-cache"] == "HIT")
        }
    }

    /// More than it said: what was said counts, and the rest is nobody's answer.
    @Test func longerThanItSays() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            connection.send(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nlongHTTP/1.1 200 OK\r\n"
                    + "Cache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nevil")
        }
        try await withEdge(script) { (edge) throws in
            for target in ["/a", "/b", "/c"] {
                #expect(try edge.get(target).text == "long")
                #expect(try edge.get(target).text == "long")
            }
        }
    }

    /// Two readers would see two bodies (RFC 9112, 6.3).
    @Test(arguments: [
        "Content-Length: 4\r\nContent-Length: 6", "Content-Length: 6\r\nContent-Length: 4",
        "Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: abc", "Content-Length: 4, 6",
    ])
    func lengthsThatContradict(_ fields: String) async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            connection.send(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\(fields)\r\nConnection: close\r\n\r\nabcdef")
            connection.hangUp()
        }
        try await withEdge(script) { (edge) throws in
            for _ in 0..<2 { #expect(try edge.get("/a").status == 502) }
        }
    }

    @Test func aBodyThatEndsWithTheConnectionIsStored() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            connection.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\nuntil the end")
            connection.hangUp()
        }
        try await withEdge(script) { (edge) throws in
            #expect(try edge.get("/a").text == "until the end")
            let hit = try edge.get("/a")
            #expect(hit["x-cache"] == "HIT")
            #expect(hit.text == "until the end")
        }
    }

    @Test(arguments: ["", "HTTP/1.1 2", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b", "HTTP/9.9 999 X\r\n\r\n"])
    func closesEarly(_ text: String) async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            connection.send(text)
            connection.hangUp()
        }
        try await withEdge(script) { (edge) throws in
            let response = try edge.get("/a")
            #expect([502, 504].contains(response.status))
            #expect(response["content-type"] == "application/problem+json")
            #expect(edge.edge.cache.store.statistics.objects == 0)
        }
    }

    @Test(arguments: [60, 200, 1_024]) func headersWithoutEnd(_ kibibytes: Int) async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            guard request.target == "/large" else { return plainUpstream(request, connection) }
            var head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
            for number in 0..<kibibytes { head += "X-\(number): " + String(repeating: "x", count: 1_024) + "\r\n" }
            connection.send(head + "Content-Length: 1\r\n\r\nx")
        }
        try await withEdge(script) { (edge) throws in
            #expect(try edge.get("/large").status == 502)
            #expect(edge.edge.cache.store.statistics.objects == 0)
            #expect(try edge.get("/small").status == 200)
        }
    }

    /// What does not fit beside a client's request is no cut connection, but a 502 that says how much would.
    @Test func headersThatDoNotFitBesideARequest() async throws {
        let script: ScriptedUpstream.Script = { _, connection in
            connection.answer(200, ["Cache-Control: max-age=60", "X: " + String(repeating: "y", count: 12_000)], [1])
        }
        try await withEdge(script) { (edge) throws in
            for _ in 0..<2 {
                #expect(try edge.get("/a").status == 200)
                let large = try edge.get("/a", [("X", String(repeating: "z", count: 8_000))])
                #expect(large.status == 502)
                #expect(large.text.contains("beside the request's") && large.text.contains("12"))
            }
        }
    }

    /// What fits, fits to the client, too.
    @Test func manyHeadersPass() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            connection.answer(
                200, ["Cache-Control: max-age=60"] + (0..<100).map { "X-\($0): " + String(repeating: "y", count: 100) },
                [1])
        }
        try await withEdge(script) { (edge) throws in
            for word in ["MISS", "HIT", "HIT"] {
                let response = try edge.get("/a")
                #expect(response["x-cache"] == word)
                #expect(response.headers.count { $0.name.hasPrefix("X-") && $0.value.hasPrefix("yyy") } == 100)
            }
        }
    }

    @Test(arguments: [
        ("max-age=60, no-store", false), ("no-cache, max-age=60", false), ("private, public, max-age=60", false),
        ("max-age=60, max-age=0", false), ("max-age=nonsense", false), ("max-age=-1", false),
        ("s-maxage=60, max-age=0", true),
        ("max-age=\"60\"", true), ("MAX-AGE=60", true),
    ])
    func conflictingCacheControl(_ value: String, _ isHit: Bool) async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            connection.answer(200, ["Cache-Control: \(value)"], [1])
        }
        try await withEdge(script) { (edge) throws in
            _ = try edge.get("/a")
            #expect(try edge.get("/a")["x-cache"] == (isHit ? "HIT" : "MISS"))
        }
    }

    @Test(arguments: [301, 302, 307, 308]) func redirectsArePassedOn(_ status: Int) async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            connection.answer(status, ["Location: http://elsewhere.example/b", "Cache-Control: max-age=60"])
        }
        try await withEdge(script) { (edge) throws in
            for word in ["MISS", "HIT"] {
                let response = try edge.get("/a")
                #expect(response.status == status)
                #expect(response["location"] == "http://elsewhere.example/b")
                #expect(response["x-cache"] == word)
            }
            #expect(edge.upstream.seen.map(\.target) == ["/a"])
        }
    }

    /// Its upstream sends what it gets back to it.
    @Test(arguments: ["Via", "CDN-Loop"]) func aLoopIsCut(_ field: String) async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            _ = try edge.get("/a")
            let own = try #require(edge.upstream.seen[0][field.lowercased()])
            for target in ["/a", "/b"] {
                let response = try edge.get(target, [(field, "first, " + own)])
                #expect(response.status == 508, "\(target)")
            }
            #expect(edge.upstream.seen.count == 1)
            // Somebody else's name is no loop.
            #expect(try edge.get("/c", [("Via", "1.1 other"), ("CDN-Loop", "other")]).status == 200)
        }
    }

    /// An edge that is its own upstream answers 508 and goes on living.
    @Test func anEdgeInFrontOfItself() async throws {
        let port = try #require(freePort())
        let change: @Sendable (inout EdgeConfiguration) -> Void = { configuration in
            configuration.server.port = port
            configuration.upstream.url = "http://127.0.0.1:\(port)"
        }
        try await withEdge(configured: change, plainUpstream) { (edge) throws in
            for _ in 0..<3 { #expect(try edge.get("/a").status == 508) }
            #expect(try edge.get("/healthz").status == 200)
        }
    }

    @Test func interimAnswersGoByUnseen() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            connection.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
            plainUpstream(request, connection)
        }
        try await withEdge(script) { (edge) throws in
            #expect(try edge.get("/a").body == plainBody("/a"))
            #expect(try edge.get("/a")["x-cache"] == "HIT")
        }
    }

    @Test func whatIsMissingIsNotAskedForEachTime() async throws {
        let script: ScriptedUpstream.Script = { _, connection in connection.answer(404, [], Array("none".utf8)) }
        try await withEdge(script) { (edge) throws in
            for word in ["MISS", "HIT", "HIT"] {
                let response = try edge.get("/a")
                #expect(response.status == 404)
                #expect(response.text == "none")
                #expect(response["x-cache"] == word)
            }
        }
    }

    private func freePort() -> UInt16? {
        let probe = ScriptedUpstream { _, _ in }
        defer { probe.stop() }
        return probe.port
    }
}
