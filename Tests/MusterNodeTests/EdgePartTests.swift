import MusterCache
import MusterCore
import Synchronization
import Testing

@testable import MusterNode

/// Parts that are stored, put together and completed (RFC 9111, 3.3 and 3.4).
@Suite struct EdgePartTests {
    private func range(_ edge: TestEdge, _ range: String, _ target: String = "/a") throws -> RawResponse {
        try edge.get(target, [("Range", "bytes=" + range)])
    }

    @Test func neighboursBecomeOne() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let body = plainBody("/a")
            #expect(try range(edge, "0-99")["x-cache"] == "MISS")
            #expect(try range(edge, "100-199")["x-cache"] == "MISS")
            let both = try range(edge, "0-199")
            #expect(both.status == 206)
            #expect(both["x-cache"] == "HIT")
            #expect(both["content-range"] == "bytes 0-199/300")
            #expect(both.body == Array(body[..<200]))
            #expect(edge.upstream.seen.count == 2)
            // All of it asks for the rest only.
            let whole = try edge.get("/a")
            #expect(whole.status == 200)
            #expect(whole.body == body)
            #expect(edge.upstream.seen.count == 3)
            #expect(edge.upstream.seen[2]["range"] == "bytes=200-")
            #expect(edge.upstream.seen[2]["if-range"] == "\"1\"")
            #expect(try edge.get("/a")["x-cache"] == "HIT")
            #expect(try range(edge, "250-").body == Array(body[250...]))
            #expect(edge.upstream.seen.count == 3)
        }
    }

    @Test func aGapIsFilled() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let body = plainBody("/a")
            _ = try range(edge, "0-49")
            _ = try range(edge, "250-299")
            let middle = try range(edge, "40-259")
            #expect(middle.body == Array(body[40..<260]))
            #expect(edge.upstream.seen[2]["range"] == "bytes=50-249")
            #expect(try edge.get("/a").body == body)
            #expect(edge.upstream.seen.count == 3)
        }
    }

    /// Without a strong tag nothing is put together.
    @Test(arguments: ["X-No: tag", "ETag: W/\"1\""]) func withoutAStrongTag(_ field: String) async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let body = plainBody(request.target)
            let part = request["range"] == "bytes=0-99" ? 0...99 : 100...199
            guard request["range"] != nil else {
                return connection.answer(200, ["Cache-Control: max-age=60", field], body)
            }
            connection.answer(
                206,
                ["Cache-Control: max-age=60", field, "Content-Range: bytes \(part.lowerBound)-\(part.upperBound)/300"],
                Array(body[part]))
        }
        try await withEdge(script) { (edge) throws in
            _ = try range(edge, "0-99")
            _ = try range(edge, "100-199")
            #expect(try edge.get("/a").body == plainBody("/a"))
            #expect(edge.upstream.seen.last?["range"] == nil)
        }
    }

    /// It changed between two parts: they are never one body.
    @Test func partsOfTwoVersionsAreNotMixed() async throws {
        let count = Counter()
        let script: ScriptedUpstream.Script = { request, connection in
            let version = UInt8(count.next() == 1 ? 1 : 2)
            let body = [UInt8](repeating: version, count: 300)
            let fields = ["Cache-Control: max-age=60", "ETag: \"\(version)\""]
            let isCurrent = request["if-range"].map { $0 == "\"\(version)\"" } ?? true
            if let range = request["range"], isCurrent {
                let part = range == "bytes=0-99" ? 0...99 : 100...299
                return connection.answer(
                    206, fields + ["Content-Range: bytes \(part.lowerBound)-\(part.upperBound)/300"], Array(body[part]))
            }
            connection.answer(200, fields, body)
        }
        try await withEdge(script) { (edge) throws in
            #expect(try range(edge, "0-99").body == [UInt8](repeating: 1, count: 100))
            // The rest is asked for under the old tag: the whole new one comes instead.
            #expect(try edge.get("/a").body == [UInt8](repeating: 2, count: 300))
            #expect(try edge.get("/a").body == [UInt8](repeating: 2, count: 300))
            #expect(try range(edge, "0-99").body == [UInt8](repeating: 2, count: 100))
        }
    }

    /// An upstream that sends less than it was asked for, or other bytes than it says: what is not there is not answered with.
    @Test(arguments: [
        "100-149/300", "100-199/100", "100-199/*", "0-99/300", "150-199/300", "nonsense", "100-199/9999999999999",
    ])
    func aCompletionThatIsNotWhatWasAskedFor(_ contentRange: String) async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let body = plainBody("/a")
            let fields = ["Cache-Control: max-age=60", "ETag: \"1\""]
            guard request["if-range"] != nil else { return plainUpstream(request, connection) }
            let count = contentRange.hasPrefix("100-149") || contentRange.hasPrefix("150") ? 50 : 100
            connection.answer(206, fields + ["Content-Range: bytes " + contentRange], Array(body[100..<100 + count]))
        }
        try await withEdge(script) { (edge) throws in
            let body = plainBody("/a")
            _ = try range(edge, "0-99")
            let both = try range(edge, "0-199")
            #expect(both.status == 206)
            #expect(both["content-range"] == "bytes 0-199/300")
            #expect(both.body == Array(body[..<200]))
            #expect(try edge.get("/a").body == body)
        }
    }

    /// Those who join while the rest is fetched get the whole, too, whether or not the rest fits.
    @Test(arguments: [true, false]) func waitersOfACompletion(fits: Bool) async throws {
        let goOn = Latch()
        let script: ScriptedUpstream.Script = { request, connection in
            guard request["if-range"] != nil else { return plainUpstream(request, connection) }
            goOn.wait()
            if fits { return plainUpstream(request, connection) }
            connection.answer(
                206, ["ETag: \"2\"", "Content-Range: bytes 100-109/110"], [UInt8](repeating: 9, count: 10))
        }
        try await withEdge(script) { (edge) throws in
            _ = try range(edge, "0-99")
            let clients = (0..<10).map { _ in edge.client() }
            for client in clients { client.begin("GET", "/a") }
            #expect(holdsAtLast { edge.edge.counters.collapsed.load(ordering: .relaxed) == 9 })
            goOn.open()
            for client in clients { #expect(client.response()?.body == plainBody("/a")) }
            let seen = edge.upstream.seen
            #expect(
                seen.count == (fits ? 2 : 3), "\(seen.map { ($0.target, $0["range"] ?? "", $0["if-range"] ?? "") })")
        }
    }

    /// A part that is stale is asked about; "not modified" must not send its request round and round.
    @Test func aStalePart() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let body = plainBody("/a")
            let fields = ["Cache-Control: max-age=5", "Age: 60", "ETag: \"1\""]
            if request["if-none-match"] != nil { return connection.answer(304, fields) }
            connection.answer(206, fields + ["Content-Range: bytes 0-99/300"], Array(body[..<100]))
        }
        try await withEdge(script) { (edge) throws in
            for _ in 0..<4 { #expect(try range(edge, "0-99").body == Array(plainBody("/a")[..<100])) }
            #expect(edge.upstream.seen.count < 20)
        }
    }

    @Test func partsAreBounded() async throws {
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.limits.memoryBytes = 64 << 10 }
        try await withEdge(configured: change, plainUpstream) { (edge) throws in
            for number in 0..<100 { #expect(try range(edge, "0-99", "/\(number)").status == 206) }
            // An eighth of the memory, of 300 to 400 bytes each.
            let kept = (0..<100).count {
                !edge.edge.partials.all(.init(origin: edge.upstream.url, target: "/\($0)")).isEmpty
            }
            #expect((1...27).contains(kept))
        }
    }
}
