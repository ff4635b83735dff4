import MusterServerKit
import Synchronization
import Testing

/// A validation is for everybody, whoever's request began it.
@Suite(.timeLimit(.minutes(3))) struct EdgeRevalidationTests {
    static let askers: [[(name: String, value: String)]] = [
        [("Authorization", "Bearer mine")], [("Cache-Control", "no-store")], [("Cookie", "a=b")], [],
    ]

    /// Old at first, with a window in which it may be served so; new from the first validation on.
    private static func script(_ first: String, _ answered: Int) -> ScriptedUpstream.Script {
        { request, connection in
            let tag = "ETag: \"1\""
            guard request["if-none-match"] == "\"1\"" else {
                return connection.answer(200, ["Cache-Control: max-age=1\(first)", "Age: 10", tag], Array("old".utf8))
            }
            if answered == 304 { return connection.answer(304, ["Cache-Control: max-age=600", "Age: 0", tag]) }
            connection.answer(200, ["Cache-Control: max-age=600", "ETag: \"2\""], Array("new".utf8))
        }
    }

    /// Behind the clients' backs.
    @Test(arguments: askers.indices, [200, 304]) func inTheBackground(_ asker: Int, _ answered: Int) async throws {
        try await withEdge(Self.script(", stale-while-revalidate=600", answered)) { (edge) throws in
            _ = try edge.get("/a")
            #expect(try edge.get("/a", Self.askers[asker])["x-cache"] == "STALE")
            #expect(try holdsAtLast { try edge.get("/a", Self.askers[asker])["x-cache"] == "HIT" })
            #expect(edge.upstream.seen.count == 2)
            for name in ["authorization", "cache-control", "cookie"] {
                #expect(edge.upstream.seen[1][name] == nil, "\(name)")
            }
            #expect(try edge.get("/a").text == (answered == 304 ? "old" : "new"))
        }
    }

    /// While the client waits.
    @Test(arguments: askers.indices, [200, 304]) func inTheForeground(_ asker: Int, _ answered: Int) async throws {
        try await withEdge(Self.script("", answered)) { (edge) throws in
            _ = try edge.get("/a")
            for _ in 0..<3 {
                let response = try edge.get("/a", Self.askers[asker])
                #expect(response.status == 200)
                #expect(response.text == (answered == 304 ? "old" : "new"))
            }
            #expect(edge.upstream.seen.count == 2)
            #expect(try edge.get("/a")["x-cache"] == "HIT")
        }
    }

    /// Where the upstream wants the client's own word after all, it gets that, and the client the answer to it.
    @Test func whoIsAskedForATokenShowsHis() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            if request["if-none-match"] != nil, request["authorization"] == nil { return connection.answer(401) }
            let name = request["authorization"] ?? "nobody"
            connection.answer(200, ["Cache-Control: max-age=1", "Age: 10", "ETag: \"1\""], Array("for \(name)".utf8))
        }
        try await withEdge(script) { (edge) throws in
            #expect(try edge.get("/a").text == "for nobody")
            #expect(try edge.get("/a", [("Authorization", "Bearer x")]).text == "for Bearer x")
            #expect(try edge.get("/a", [("Authorization", "Bearer y")]).text == "for Bearer y")
        }
    }

    /// What selects a stored answer is asked for with it.
    @Test func variantsAreValidatedAsTheyWereAskedFor() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let language = request["accept-language"] ?? "none"
            let isAsked = request["if-none-match"] == "\"\(language)\""
            connection.answer(
                isAsked ? 304 : 200,
                [
                    "Cache-Control: max-age=\(isAsked ? 600 : 1), stale-while-revalidate=600",
                    isAsked ? "Age: 0" : "Age: 10", "Vary: Accept-Language", "ETag: \"\(language)\"",
                ], Array(language.utf8))
        }
        try await withEdge(script) { (edge) throws in
            let own = [(name: "Accept-Language", value: "de"), (name: "Authorization", value: "Bearer x")]
            _ = try edge.get("/a", [own[0]])
            #expect(try edge.get("/a", own)["x-cache"] == "STALE")
            #expect(try holdsAtLast { try edge.get("/a", own)["x-cache"] == "HIT" })
            #expect(try edge.get("/a", own).text == "de")
            #expect(edge.upstream.seen.map { $0["accept-language"] } == ["de", "de"])
        }
    }

    /// What is stored in part is asked about as well, and holds on.
    @Test func partsToo() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let tag = "ETag: \"1\""
            if request["if-none-match"] == "\"1\"" {
                return connection.answer(304, ["Cache-Control: max-age=600", "Age: 0", tag])
            }
            connection.answer(
                206,
                [
                    "Cache-Control: max-age=1, stale-while-revalidate=600", "Age: 10", tag,
                    "Content-Range: bytes 0-99/300",
                ], Array(plainBody("/a")[..<100]))
        }
        try await withEdge(script) { (edge) throws in
            let range = [(name: "Range", value: "bytes=0-99"), (name: "Authorization", value: "Bearer x")]
            _ = try edge.get("/a", [range[0]])
            #expect(try edge.get("/a", range)["x-cache"] == "STALE")
            #expect(
                try holdsAtLast {
                    let part = try edge.get("/a", range)
                    return part["x-cache"] == "HIT" && part.body == Array(plainBody("/a")[..<100])
                })
            #expect(edge.upstream.seen.count == 2)
        }
    }
}
