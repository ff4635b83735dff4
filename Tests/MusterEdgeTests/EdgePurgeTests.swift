import HTTPCaching
import MusterCache
import MusterJSON
import MusterRoutes
import MusterServerKit
import MusterSystem
import MusterWire
import Testing

@testable import MusterEdge

/// What makes an edge forget, and what makes it ask again.
@Suite struct EdgePurgeTests {
    @Test func byIDPrefixAndAll() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let targets = [
                "/images/1", "/images/1/size", "/images/1?w=5", "/images/10", "/images/2", "/tiles/1/2/3.png", "/x",
            ]
            func fill() throws { for target in targets { _ = try edge.get(target) } }
            func stored() throws -> [String] {
                try targets.filter { try edge.get($0, [("Cache-Control", "only-if-cached")]).status == 200 }
            }
            try fill()
            #expect(try stored() == targets)
            #expect(try edge.purge("{\"id\":1}").hasPrefix("{\"purged\":3,"))
            #expect(try stored() == Array(targets[3...]))
            try fill()
            #expect(try edge.purge("{\"prefix\":\"/images/1\"}").hasPrefix("{\"purged\":4,"))
            #expect(try stored() == Array(targets[4...]))
            try fill()
            #expect(try edge.purge("{\"all\":true}").hasPrefix("{\"purged\":7,"))
            #expect(try stored().isEmpty)
            #expect(try edge.purge("{\"all\":true}").hasPrefix("{\"purged\":0,"))
        }
    }

    @Test(arguments: [
        "", "{}", "[]", "{\"id\":-1}", "{\"id\":\"1\"}", "{\"id\":1e30}", "{\"prefix\":\"images\"}", "{\"all\":false}",
        "{\"id\":1,\"all\":true}", "{\"other\":1}", "{\"id\":1,\"other\":1}", "nonsense",
    ])
    func badPurges(_ body: String) async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            _ = try edge.get("/images/1")
            let response = try #require(edge.client().ask("POST", "/v1/purge", token: "admin", body: Array(body.utf8)))
            #expect((400...422).contains(response.status), "\(response.text)")
            #expect(try edge.get("/images/1")["x-cache"] == "HIT")
        }
    }

    /// None of its fields must be there, but one of them: the document asks for a body.
    @Test func theDocumentAsksForABody() throws {
        let document = try JSONValue(parsing: OpenAPI.document(of: EdgeRoutes.all, role: "edge", version: "1"))
        let body = document["paths"]?["/v1/purge"]?["post"]?["requestBody"]
        #expect(body?["required"]?.bool == true)
    }

    @Test func onlyWithAToken() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            _ = try edge.get("/images/1")
            for token in [nil, "wrong", ""] {
                let response = try #require(
                    edge.client().ask("POST", "/v1/purge", token: token, body: Array("{\"all\":true}".utf8)))
                #expect(response.status == 401)
            }
            #expect(try edge.get("/images/1")["x-cache"] == "HIT")
        }
    }

    /// What is on its way when it is purged may be answered with, but is not stored: by a fetch for all, by one for one
    /// client (whose request asked for more than the cache had), and by one of a part.
    @Test(arguments: ["", "Cache-Control: no-cache", "Range: bytes=0-9"]) func purgedDuringAFetch(_ header: String)
        async throws
    {
        let (goOn, isIn) = (Latch(), Latch())
        let script: ScriptedUpstream.Script = { request, connection in
            if request["x-quick"] == nil {
                isIn.open()
                goOn.wait()
            }
            plainUpstream(request, connection)
        }
        try await withEdge(script) { (edge) throws in
            let client = edge.client()
            client.begin("GET", "/images/1", header.isEmpty ? [] : [header])
            isIn.wait()
            try edge.purge("{\"id\":1}")
            goOn.open()
            let answer = try #require(client.response())
            #expect([200, 206].contains(answer.status))
            let again = try edge.get("/images/1", [("Cache-Control", "only-if-cached")])
            #expect(again.status == 504)
            #expect(edge.edge.cache.store.statistics.objects == 0)
            #expect(edge.edge.cache.store.parts(.init(origin: edge.upstream.url, target: "/images/1")).isEmpty)
        }
    }

    /// The same for a body that is in a file by then: nothing of it stays on the disk.
    @Test func purgedDuringALargeFetch() async throws {
        let (goOn, body) = (Latch(), noise(2 << 20))
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.limits.memoryBytes = 1 << 20 }
        let script: ScriptedUpstream.Script = { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: \(body.count)\r\n\r\n")
            connection.send(Array(body[..<1_000_000]))
            goOn.wait()
            connection.send(Array(body[1_000_000...]))
        }
        try await withEdge(configured: change, script) { (edge) throws in
            let client = edge.client()
            client.begin("GET", "/images/1")
            #expect(client.reads("\r\n\r\n"))
            #expect(client.take(500_000)?.elementsEqual(body[..<500_000]) == true)
            try edge.purge("{\"all\":true}")
            goOn.open()
            #expect(client.take(body.count - 500_000)?.elementsEqual(body[500_000...]) == true)
            #expect(
                holdsAtLast {
                    listDirectory(edge.folder + "/cache").allSatisfy {
                        listDirectory(edge.folder + "/cache/" + $0).isEmpty
                    }
                })
            #expect(edge.edge.cache.store.statistics.objects == 0)
        }
    }

    // MARK: Unsafe methods

    @Test(arguments: ["PUT", "DELETE", "POST", "PATCH"]) func changesThroughTheEdgeInvalidate(_ method: String)
        async throws
    {
        let script: ScriptedUpstream.Script = { request, connection in
            if request.method == "GET" { return plainUpstream(request, connection) }
            connection.answer(request.target == "/images/2" ? 409 : 200, ["Location: /images/7"], request.body)
        }
        try await withEdge(script) { (edge) throws in
            let targets = ["/images/1", "/images/1/size", "/images/2", "/images/7"]
            for target in targets { _ = try edge.get(target) }
            let body: [UInt8] = [1, 2, 3]
            let response = try edge.ask(method, "/images/1", body: body)
            #expect(response.status == 200)
            #expect(response.body == body)
            #expect(edge.upstream.seen.last?.body == body)
            #expect(edge.upstream.seen.last?.method == method)
            // A refusal changed nothing.
            #expect(try edge.ask(method, "/images/2", body: body).status == 409)
            let words = try targets.map { try edge.get($0)["x-cache"] }
            #expect(words == ["MISS", "MISS", "HIT", "MISS"])
        }
    }

    // MARK: Asking again

    @Test func aStaleAnswerIsConfirmed() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let isAsked = request["if-none-match"] == "\"1\""
            connection.answer(
                isAsked ? 304 : 200, ["Cache-Control: max-age=60", isAsked ? "X-New: 1" : "Age: 100", "ETag: \"1\""],
                Array("body".utf8))
        }
        try await withEdge(script) { (edge) throws in
            #expect(try edge.get("/a")["x-cache"] == "MISS")
            let confirmed = try edge.get("/a")
            #expect(confirmed.status == 200)
            #expect(confirmed.text == "body")
            #expect(confirmed["x-new"] == "1")
            #expect(confirmed["cache-status"]?.contains("fwd=stale; fwd-status=304") == true)
            // The 304's fields said that it is as new as the upstream's own clock says.
            #expect(edge.upstream.seen.count == 2)
            // Another's condition is answered out of it.
            #expect(try edge.get("/a", [("If-None-Match", "\"1\"")]).status == 304)
        }
    }

    @Test func aStaleAnswerIsReplaced() async throws {
        let count = Counter()
        let script: ScriptedUpstream.Script = { request, connection in
            let number = count.next()
            connection.answer(
                200, ["Cache-Control: max-age=60", number == 1 ? "Age: 100" : "X-New: 1", "ETag: \"\(number)\""],
                Array("body \(number)".utf8))
        }
        try await withEdge(script) { (edge) throws in
            #expect(try edge.get("/a").text == "body 1")
            #expect(try edge.get("/a").text == "body 2")
            #expect(edge.upstream.seen[1]["if-none-match"] == "\"1\"")
            let hit = try edge.get("/a")
            #expect(hit.text == "body 2")
            #expect(hit["x-cache"] == "HIT")
        }
    }

    /// Stale answers at once, and one question behind their backs.
    @Test func staleWhileRevalidateAsksOnce() async throws {
        let (goOn, count) = (Latch(), Counter())
        let script: ScriptedUpstream.Script = { request, connection in
            if count.next() == 1 {
                return connection.answer(
                    200, ["Cache-Control: max-age=1, stale-while-revalidate=600", "Age: 10", "ETag: \"1\""],
                    Array("old".utf8))
            }
            goOn.wait()
            connection.answer(200, ["Cache-Control: max-age=600", "ETag: \"2\""], Array("new".utf8))
        }
        try await withEdge(script) { (edge) throws in
            _ = try edge.get("/a")
            for _ in 0..<30 {
                let stale = try edge.get("/a")
                #expect(stale.text == "old")
                #expect(stale["x-cache"] == "STALE")
            }
            goOn.open()
            #expect(try holdsAtLast { try edge.get("/a").text == "new" })
            #expect(try edge.get("/a")["x-cache"] == "HIT")
            #expect(edge.upstream.seen.count == 2)
            #expect(edge.upstream.seen[1]["if-none-match"] == "\"1\"")
        }
    }

    /// The same for a body that has to be read from the disk first.
    @Test func staleWhileRevalidateAfterARestart() async throws {
        let count = Counter()
        let script: ScriptedUpstream.Script = { request, connection in
            let fresh = count.next() > 1
            connection.answer(
                200,
                [
                    fresh ? "Cache-Control: max-age=600" : "Cache-Control: max-age=1, stale-while-revalidate=600",
                    "Age: 10",
                ],
                Array((fresh ? "new" : "old").utf8))
        }
        let edge = try TestEdge(script) { _ in }
        _ = try await onThread { try edge.get("/a") }
        try await edge.restart()
        try await onThread { () throws in
            #expect(try edge.get("/a").text == "old")
            #expect(holdsAtLast { edge.upstream.seen.count == 2 })
            #expect(try holdsAtLast { try edge.get("/a").text == "new" })
        }
        await edge.stop()
    }
}
