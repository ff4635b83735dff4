import HTTPCaching
import HTTPText
import MusterHTTP
import MusterServerKit
import Testing

/// Targets and field values are bytes: whatever they are, they arrive as they were sent, and different ones are different.
@Suite(.serialized) struct EdgeBytesTests {
    private static let e8 = WireText.text([0xE8])
    private static let e9 = WireText.text([0xE9])

    @Test func targetsAreToldApart() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            // Latin-1, UTF-8, and two spellings that Unicode takes for one.
            let targets = [
                "/?n=" + Self.e9, "/?n=" + Self.e8, "/?n=\u{E9}", "/?n=e\u{301}", "/?n=\u{FFFD}", "/\u{301}?",
            ]
            for target in targets {
                #expect(try edge.get(target).body == WireText.bytes(plainText(target)))
                #expect(edge.upstream.seen.last?.target.utf8.elementsEqual(target.utf8) == true)
            }
            for target in targets {
                let again = try edge.get(target)
                #expect(again["x-cache"] == "HIT")
                #expect(again.body == WireText.bytes(plainText(target)))
            }
            try edge.purge("{\"prefix\":\"/?n=e\"}")
            #expect(try edge.get("/?n=e\u{301}")["x-cache"] == "MISS")
            #expect(try edge.get("/?n=\u{E9}")["x-cache"] == "HIT")
        }
    }

    private func plainText(_ target: String) -> String { String(repeating: target + "|", count: 100) }

    @Test func fieldsComeAsTheyWereSent() async throws {
        let tag = "\"\(Self.e9)\""
        let name = "attachment; filename=\"caf\(Self.e9).txt\""
        let script: ScriptedUpstream.Script = { request, connection in
            connection.answer(
                200, ["Cache-Control: max-age=600", "ETag: \(tag)", "Content-Disposition: \(name)"], Array("x".utf8))
        }
        try await withEdge(script) { (edge) throws in
            func check(_ response: RawResponse, _ word: String) {
                #expect(response["x-cache"] == word)
                #expect(response["etag"] == tag)
                #expect(response["content-disposition"] == name)
            }
            check(try edge.get("/a"), "MISS")
            check(try edge.get("/a"), "HIT")
            check(try edge.ask("HEAD", "/a"), "HIT")
            #expect(try edge.get("/a", [("If-None-Match", tag)]).status == 304)
            #expect(try edge.get("/a", [("If-None-Match", "\"\(Self.e8)\"")]).status == 200)
            let request = HeaderFields([("User-Agent", "caf" + Self.e9)])
            _ = try edge.get("/b", request.map { ($0.name, $0.value) })
            #expect(edge.upstream.seen.last?["user-agent"] == "caf" + Self.e9)
        }
    }

    /// From the disk, too.
    @Test func storedFieldsSurviveARestart() async throws {
        let tag = "\"\(Self.e9)\""
        let script: ScriptedUpstream.Script = { request, connection in
            let fields = ["Cache-Control: max-age=600", "ETag: \(tag)", "Vary: X-Name"]
            connection.answer(200, fields, WireText.bytes(request["x-name"] ?? ""))
        }
        let edge = try TestEdge(script) { _ in }
        try await onThread { () throws in
            for name in [Self.e9, Self.e8] { #expect(try edge.get("/a" + name, [("X-Name", name)]).status == 200) }
        }
        try await edge.restart()
        try await onThread { () throws in
            for name in [Self.e9, Self.e8] {
                let response = try edge.get("/a" + name, [("X-Name", name)])
                #expect(response["x-cache"] == "HIT")
                #expect(response["etag"] == tag)
                #expect(response.body == WireText.bytes(name))
            }
        }
        await edge.stop()
    }

    @Test func valuesThatSelectAreToldApart() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let body = WireText.bytes(request["x-name"] ?? "")
            connection.answer(200, ["Cache-Control: max-age=600", "Vary: X-Name"], body)
        }
        try await withEdge(script) { (edge) throws in
            for word in ["MISS", "HIT"] {
                for name in [Self.e8, Self.e9, "\u{E9}", "e\u{301}"] {
                    let response = try edge.get("/a", [("X-Name", name)])
                    #expect(response.body == WireText.bytes(name))
                    #expect(response["x-cache"] == word)
                }
            }
        }
    }
}
