import HTTPCaching
import MusterCache
import MusterServerKit
import Synchronization
import Testing

@testable import MusterEdge

/// Parts that are stored, put together and completed (RFC 9111, 3.3 and 3.4).
@Suite struct EdgePartTests {
    private func range(_ edge: TestEdge, _ range: String, _ target: String = "/a") throws -> RawResponse {
        try edge.get(target, [("Range", "bytes=" + range)])
    }

    private let slice = 1 << 20

    /// What is asked for comes in whole slices of 1 MiB.
    @Test func neighboursBecomeOne() async throws {
        let (body, slice) = (noise(3 << 20), slice)
        try await withEdge(rangedUpstream(body)) { (edge) throws in
            #expect(try range(edge, "0-99")["x-cache"] == "MISS")
            #expect(try range(edge, "\(slice)-\(slice + 99)")["x-cache"] == "MISS")
            let both = try range(edge, "500-\(2 * slice - 1)")
            #expect(both.status == 206)
            #expect(both["x-cache"] == "HIT")
            #expect(both["content-range"] == "bytes 500-\(2 * slice - 1)/\(body.count)")
            #expect(both.body.elementsEqual(body[500..<2 * slice]))
            #expect(edge.upstream.seen.map { $0["range"] } == ["bytes=0-1048575", "bytes=1048576-2097151"])
            // All of it asks for the rest only.
            let whole = try edge.get("/a")
            #expect(whole.status == 200)
            #expect(whole["content-range"] == nil)
            #expect(whole.body.elementsEqual(body))
            #expect(edge.upstream.seen.count == 3)
            #expect(edge.upstream.seen[2]["range"] == "bytes=2097152-")
            #expect(edge.upstream.seen[2]["if-range"] == "\"1\"")
            let again = try edge.get("/a")
            #expect(again["x-cache"] == "HIT")
            #expect(again.body.elementsEqual(body))
            #expect(try range(edge, "250-").body.elementsEqual(body[250...]))
            #expect(edge.upstream.seen.count == 3)
            // They are one object now.
            #expect(edge.edge.cache.store.statistics.objects == 1)
        }
    }

    @Test func aGapIsFilled() async throws {
        let (body, slice) = (noise(4 << 20), slice)
        try await withEdge(rangedUpstream(body)) { (edge) throws in
            _ = try range(edge, "0-49")
            _ = try range(edge, "-100")
            let middle = try range(edge, "40-\(4 * slice - 41)")
            #expect(middle.body.elementsEqual(body[40..<4 * slice - 40]))
            #expect(edge.upstream.seen.map { $0["range"] }[1...] == ["bytes=3145728-", "bytes=1048576-3145727"])
            #expect(try edge.get("/a").body.elementsEqual(body))
            #expect(edge.upstream.seen.count == 3)
        }
    }

    @Test func severalRangesOfSeveralParts() async throws {
        let (body, slice) = (noise(4 << 20), slice)
        try await withEdge(rangedUpstream(body)) { (edge) throws in
            _ = try range(edge, "0-0")
            _ = try range(edge, "\(slice)-\(slice)")
            let two = try range(edge, "10-19,\(slice - 5)-\(slice + 4)")
            #expect(two.status == 206)
            #expect(two["x-cache"] == "HIT")
            #expect(two["content-type"]?.hasPrefix("multipart/byteranges") == true)
            #expect(two.body.firstRange(of: body[10..<20]) != nil)
            #expect(two.body.firstRange(of: body[slice - 5..<slice + 5]) != nil)
            #expect(try range(edge, "99999999-").status == 416)
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
        let (old, new) = ([UInt8](repeating: 1, count: 3 << 20), [UInt8](repeating: 2, count: 3 << 20))
        let script: ScriptedUpstream.Script = { request, connection in
            let isOld = count.next() == 1
            rangedUpstream(isOld ? old : new, tag: isOld ? "\"1\"" : "\"2\"")(request, connection)
        }
        try await withEdge(script) { (edge) throws in
            #expect(try range(edge, "0-99").body == Array(old[..<100]))
            // The rest is asked for under the old tag: the whole new one comes instead.
            #expect(try edge.get("/a").body.elementsEqual(new))
            #expect(try edge.get("/a").body.elementsEqual(new))
            #expect(try range(edge, "0-99").body == Array(new[..<100]))
            #expect(edge.upstream.seen.count == 2)
        }
    }

    /// Whoever asked, and for what: what is new puts the old parts out.
    @Test func anotherVersionPutsTheOldPartsOut() async throws {
        let count = Counter()
        let script: ScriptedUpstream.Script = { request, connection in
            let version = UInt8(min(count.next(), 2))
            rangedUpstream([UInt8](repeating: version, count: 3 << 20), tag: "\"\(version)\"")(request, connection)
        }
        try await withEdge(script) { (edge) throws in
            _ = try range(edge, "0-99")
            _ = try edge.get("/a", [("Range", "bytes=1500000-1500001"), ("Cache-Control", "no-cache")])
            #expect(edge.edge.cache.store.parts(.init(origin: edge.upstream.url, target: "/a")).isEmpty)
            #expect(try range(edge, "0-1999999").body.elementsEqual([UInt8](repeating: 2, count: 2_000_000)))
        }
    }

    /// An upstream that sends less than it was asked for, or other bytes than it says: what is not there is not answered with.
    @Test(arguments: [
        "1048576-1572863/3145728", "1048576-2097151/1048576", "1048576-2097151/*", "0-1048575/3145728",
        "1572864-2097151/3145728", "nonsense", "1048576-2097151/9999999999999",
    ])
    func aCompletionThatIsNotWhatWasAskedFor(_ contentRange: String) async throws {
        let body = noise(3 << 20)
        let script: ScriptedUpstream.Script = { request, connection in
            let fields = ["Cache-Control: max-age=60", "ETag: \"1\""]
            guard request["if-range"] != nil else { return rangedUpstream(body)(request, connection) }
            let isHalf = contentRange.contains("1572863") || contentRange.hasPrefix("1572864")
            let first = 1 << 20
            connection.answer(
                206, fields + ["Content-Range: bytes " + contentRange],
                Array(body[first..<first + (isHalf ? 524_288 : 1_048_576)]))
        }
        try await withEdge(script) { (edge) throws in
            _ = try range(edge, "0-99")
            let both = try range(edge, "0-2097151")
            #expect(both.status == 206)
            #expect(both["content-range"] == "bytes 0-2097151/3145728")
            #expect(both.body.elementsEqual(body[..<2_097_152]))
            #expect(try edge.get("/a").body.elementsEqual(body))
        }
    }

    /// Those who join while the rest is fetched get the whole, too, whether or not the rest fits.
    @Test(arguments: [true, false]) func waitersOfACompletion(fits: Bool) async throws {
        let (goOn, body) = (Latch(), noise(3 << 20))
        let script: ScriptedUpstream.Script = { request, connection in
            guard request["if-range"] != nil else { return rangedUpstream(body)(request, connection) }
            goOn.wait()
            if fits { return rangedUpstream(body)(request, connection) }
            connection.answer(
                206, ["ETag: \"2\"", "Content-Range: bytes 1048576-1048585/1048586"], [UInt8](repeating: 9, count: 10))
        }
        try await withEdge(script) { (edge) throws in
            _ = try range(edge, "0-99")
            let clients = (0..<10).map { _ in edge.client() }
            for client in clients { client.begin("GET", "/a") }
            #expect(holdsAtLast { edge.edge.cache.counters.collapsed.load(ordering: .relaxed) == 9 })
            goOn.open()
            for client in clients { #expect(client.response()?.body.elementsEqual(body) == true) }
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

    /// "Not modified" is for all parts of the representation.
    @Test func aStalePartIsFreshened() async throws {
        let (body, isNew) = (noise(3 << 20), Latch())
        let script: ScriptedUpstream.Script = { request, connection in
            if request["if-none-match"] != nil {
                isNew.open()
                return connection.answer(304, ["Cache-Control: max-age=3600", "ETag: \"1\""])
            }
            rangedUpstream(body, control: "max-age=5\r\nAge: 60")(request, connection)
        }
        try await withEdge(script) { (edge) throws in
            _ = try range(edge, "0-99")
            _ = try range(edge, "1048576-1048577")
            #expect(try range(edge, "0-99").body == Array(body[..<100]))
            isNew.wait()
            let count = edge.upstream.seen.count
            #expect(try range(edge, "0-99")["x-cache"] == "HIT")
            #expect(try range(edge, "1048500-1048600").body == Array(body[1_048_500...1_048_600]))
            #expect(edge.upstream.seen.count == count)
        }
    }

    /// They count by what they hold, however large the whole is.
    @Test func smallPartsOfLargeThingsDoNotPushEachOtherOut() async throws {
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.limits.memoryBytes = 1 << 20 }
        let script: ScriptedUpstream.Script = { _, connection in
            connection.answer(
                206, ["Cache-Control: max-age=60", "ETag: \"1\"", "Content-Range: bytes 0-99/16777216"],
                [UInt8](repeating: 7, count: 100))
        }
        try await withEdge(configured: change, script) { (edge) throws in
            for _ in 0..<2 { for number in 0..<20 { _ = try range(edge, "0-99", "/\(number)") } }
            #expect(edge.upstream.seen.count == 20)
            #expect(edge.edge.cache.store.statistics.memoryBytes < 100_000)
        }
    }

    @Test func partsAreBounded() async throws {
        let change: @Sendable (inout EdgeConfiguration) -> Void = {
            $0.limits.memoryBytes = 64 << 10
            $0.limits.diskBytes = 200 << 10
        }
        let script: ScriptedUpstream.Script = { _, connection in
            connection.answer(
                206, ["Cache-Control: max-age=60", "ETag: \"1\"", "Content-Range: bytes 0-99/16777216"],
                [UInt8](repeating: 7, count: 100))
        }
        try await withEdge(configured: change, script) { (edge) throws in
            for number in 0..<100 { #expect(try range(edge, "0-99", "/\(number)").status == 206) }
            // A block for the body and one for the head.
            #expect((1...25).contains(edge.edge.cache.store.statistics.objects))
        }
    }
}

/// An upstream of one body, which does as single ranges and conditions ask.
func rangedUpstream(
    _ body: [UInt8], tag: String? = "\"1\"", control: String = "max-age=3600"
) -> ScriptedUpstream.Script {
    { request, connection in
        let fields = ["Cache-Control: \(control)"] + (tag.map { ["ETag: \($0)"] } ?? [])
        if let tag, request["if-none-match"] == tag { return connection.answer(304, fields) }
        if let value = request["range"]?.dropFirst(6), !value.contains(","),
            request["if-range"].map({ $0 == tag }) ?? true
        {
            let ends = value.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            let first = ends[0] ?? max(0, body.count - (ends[1] ?? 0))
            let last = ends[0] == nil ? body.count - 1 : min(ends[1] ?? .max, body.count - 1)
            guard first < body.count else {
                return connection.answer(416, fields + ["Content-Range: bytes */\(body.count)"])
            }
            return connection.answer(
                206, fields + ["Content-Range: bytes \(first)-\(last)/\(body.count)"], Array(body[first...last]))
        }
        connection.answer(200, fields, body, isHead: request.method == "HEAD")
    }
}
