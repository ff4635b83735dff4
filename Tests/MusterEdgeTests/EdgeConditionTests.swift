import HTTPCaching
import MusterServerKit
import Synchronization
import Testing

@testable import MusterEdge
@testable import MusterOrigin

/// Conditions of clients and of the edge's own, and what a 304 says.
@Suite(.timeLimit(.minutes(3))) struct EdgeConditionTests {
    /// Never stored, but confirmed: the body crosses the upstream's line once.
    @Test func conditionsGoOnAMiss() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let fields = ["Cache-Control: no-store", "ETag: \"1\"", "X-Own: 1"]
            if request["if-none-match"] == "\"1\"" { return connection.answer(304, fields) }
            connection.answer(200, fields, Array("body".utf8))
        }
        try await withEdge(script) { (edge) throws in
            #expect(try edge.get("/a").text == "body")
            for target in ["/a", "/cold"] {
                let response = try edge.get(target, [("If-None-Match", "\"1\"")])
                #expect(response.status == 304)
                #expect(response["x-own"] == "1")
                #expect(response["cache-status"]?.contains("fwd=uri-miss; fwd-status=304") == true)
                #expect(edge.upstream.seen.last?["if-none-match"] == "\"1\"")
            }
            #expect(try edge.get("/cold", [("If-None-Match", "\"2\"")]).text == "body")
            let since = "Mon, 01 Jun 2026 00:00:00 GMT"
            _ = try edge.get("/b", [("If-Modified-Since", since)])
            #expect(edge.upstream.seen.last?["if-modified-since"] == since)
        }
    }

    /// One question for all that have the same, and for those with another condition one of their own.
    @Test func aCrowdWithConditionsIsAFewRequests() async throws {
        let goOn = Latch()
        let script: ScriptedUpstream.Script = { request, connection in
            goOn.wait()
            plainUpstream(request, connection)
        }
        try await withEdge(script) { (edge) throws in
            let clients = (0..<20).map { _ in edge.client() }
            for (number, client) in clients.enumerated() {
                client.begin("GET", "/a", number == 19 ? [] : ["If-None-Match: \"1\""])
                if number == 0 { #expect(holdsAtLast { edge.upstream.seen.count == 1 }) }
            }
            #expect(holdsAtLast { edge.edge.cache.counters.collapsed.load(ordering: .relaxed) == 19 })
            goOn.open()
            for client in clients.dropLast() { #expect(client.response()?.status == 304) }
            #expect(clients[19].response()?.body == plainBody("/a"))
            #expect(edge.upstream.seen.map { $0["if-none-match"] } == ["\"1\"", nil])
            #expect(try edge.get("/a")["x-cache"] == "HIT")
        }
    }

    /// What a page may read of the 200 it may read of the 304, and each cache on the way is named in both.
    @Test func a304HasWhatTheStoredAnswerHas() async throws {
        let script: ScriptedUpstream.Script = { _, connection in
            connection.answer(
                200,
                [
                    "Cache-Control: max-age=60", "ETag: \"1\"", "Content-Type: text/plain", "Via: 1.1 inner",
                    "Access-Control-Allow-Origin: *", "Cache-Status: inner; hit", "X-Empty:",
                ], Array("body".utf8))
        }
        try await withEdge(script) { (edge) throws in
            for _ in 0..<2 {
                let whole = try edge.get("/a")
                let response = try edge.get("/a", [("If-None-Match", "\"1\"")])
                #expect(response.status == 304)
                for answer in [whole, response] {
                    #expect(answer["access-control-allow-origin"] == "*")
                    #expect(answer["via"]?.hasPrefix("1.1 inner, 1.1 muster-edge-1-") == true)
                    #expect(answer["cache-status"]?.hasPrefix("inner; hit, muster-edge-1; ") == true)
                    #expect(answer["x-empty"] == "")
                }
                #expect(response["content-type"] == nil)
            }
            #expect(edge.upstream.seen.count == 1)
        }
    }

    /// A field without a value is a field: in requests, in answers, stored and passed on, and after a restart.
    @Test func emptyValuesStay() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let control = request.target == "/stored" ? "max-age=60" : "no-store"
            connection.answer(200, ["Cache-Control: \(control)", "X-Empty:", "X-Full: 1"], Array("body".utf8))
        }
        let edge = try TestEdge(script) { _ in }
        try await onThread { () throws in
            for target in ["/stored", "/passed", "/stored"] {
                #expect(try edge.get(target, [("X-None", "")])["x-empty"] == "")
                #expect(edge.upstream.seen(target).last?["x-none"] == "")
            }
            #expect(try edge.ask("POST", "/passed", body: [1], [("X-None", "")])["x-empty"] == "")
            #expect(edge.upstream.seen.last?["x-none"] == "")
        }
        try await edge.restart()
        try await onThread { () throws in
            let hit = try edge.get("/stored")
            #expect(hit["x-cache"] == "HIT")
            #expect(hit["x-empty"] == "" && hit["x-full"] == "1")
        }
        await edge.stop()
    }

    @Test(arguments: [428, 429, 431, 511]) func oneClientsRefusalIsNobodyElses(_ status: Int) async throws {
        let script: ScriptedUpstream.Script = { _, connection in
            connection.answer(status, ["Cache-Control: public, max-age=3600"], Array("slow down".utf8))
        }
        try await withEdge(script) { (edge) throws in
            for _ in 0..<3 { #expect(try edge.get("/a").status == status) }
            #expect(edge.upstream.seen.count == 3)
        }
    }

    /// Nor does it end what is stored.
    @Test(arguments: [429, 401]) func aRefusedValidationEndsNothing(_ status: Int) async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            if request["if-none-match"] != nil { return connection.answer(status, ["Cache-Control: max-age=9"]) }
            connection.answer(200, ["Cache-Control: max-age=3600", "ETag: \"1\""], Array("body".utf8))
        }
        try await withEdge(script) { (edge) throws in
            #expect(try edge.get("/a").status == 200)
            let refused = try edge.get("/a", [("Cache-Control", "no-cache"), ("Authorization", "Bearer no")])
            #expect(refused.status == status)
            #expect(try edge.get("/a")["x-cache"] == "HIT")
        }
    }

    /// One visitor's cookie goes to nobody else, unless the owner says so.
    @Test(arguments: [("max-age=60", false, 2), ("max-age=60", true, 1), ("public, max-age=60", false, 1)])
    func cookies(_ control: String, _ isTold: Bool, _ fetches: Int) async throws {
        let count = Counter()
        let script: ScriptedUpstream.Script = { _, connection in
            connection.answer(200, ["Cache-Control: \(control)", "Set-Cookie: session=\(count.next())"], [1])
        }
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.policy.storesSetCookie = isTold }
        try await withEdge(configured: change, script) { (edge) throws in
            #expect(try edge.get("/a")["set-cookie"] == "session=1")
            #expect(try edge.get("/a")["set-cookie"] == "session=\(fetches)")
        }
    }

    @Test func aRangeOfAllIsTheWhole() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let first = try edge.get("/a", [("Range", "bytes=0-")])
            #expect(first.status == 206)
            #expect(first.body == plainBody("/a"))
            let whole = try edge.get("/a")
            #expect(whole.status == 200)
            #expect(whole["x-cache"] == "HIT")
            #expect(whole["content-range"] == nil)
            #expect(whole["content-length"] == "300")
            #expect(whole.body == plainBody("/a"))
            #expect(try edge.ask("HEAD", "/a")["x-cache"] == "HIT")
            #expect(edge.upstream.seen.count == 1)
        }
    }
}
