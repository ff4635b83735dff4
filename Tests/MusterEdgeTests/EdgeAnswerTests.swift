import FoundationEssentials
import Glibc
import MusterServerKit
import MusterWire
import Testing

@testable import MusterEdge

/// What an edge answers out of its cache: whole, in part, confirmed; to whom, and under which name.
@Suite struct EdgeAnswerTests {
    @Test func missThenHit() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let first = try edge.get("/images/1")
            #expect(first.status == 200)
            #expect(first["x-cache"] == "MISS")
            #expect(first["cache-status"]?.hasPrefix("muster-edge-1; fwd=uri-miss; fwd-status=200; stored") == true)
            for _ in 0..<3 {
                let hit = try edge.get("/images/1")
                #expect(hit["x-cache"] == "HIT")
                #expect(hit.body == plainBody("/images/1"))
                #expect(hit["content-type"] == "text/plain")
                #expect(hit["etag"] == "\"1\"")
                #expect(hit["age"].flatMap { Int($0) } != nil)
                #expect(hit["cache-status"]?.hasPrefix("muster-edge-1; hit; ttl=") == true)
                #expect(hit["via"]?.contains("muster-edge-1-") == true)
            }
            #expect(edge.upstream.seen.count == 1)
            // Its query is part of its name.
            #expect(try edge.get("/images/1?x=1")["x-cache"] == "MISS")
        }
    }

    @Test func whatIsStoredSurvivesARestart() async throws {
        let edge = try TestEdge(plainUpstream) { _ in }
        try await onThread { for number in 0..<20 { _ = try edge.get("/images/\(number)") } }
        try await edge.restart()
        try await onThread { () throws in
            for number in 0..<20 {
                let hit = try edge.get("/images/\(number)")
                #expect(hit["x-cache"] == "HIT")
                #expect(hit.body == plainBody("/images/\(number)"))
            }
            #expect(edge.upstream.seen.count == 20)
        }
        await edge.stop()
    }

    @Test(arguments: ["\"1\"", "W/\"1\"", "\"0\", \"1\"", "*"]) func notModified(_ tag: String) async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            _ = try edge.get("/a")
            let response = try edge.get("/a", [("If-None-Match", tag)])
            #expect(response.status == 304)
            #expect(response["etag"] == "\"1\"")
            #expect(response["x-cache"] == "HIT")
            #expect(response["content-length"] == "\(plainBody("/a").count)")
            #expect(try edge.get("/a", [("If-None-Match", "\"2\"")]).status == 200)
            #expect(edge.upstream.seen.count == 1)
        }
    }

    /// The length of a 304, and of an answer to HEAD, is that of what is not sent; where it is not known, none is told
    /// (RFC 9110, 8.6).
    @Test(arguments: [true, false]) func notModifiedOfWhatIsNotStored(_ isTold: Bool) async throws {
        let body = Array("fresh".utf8)
        let upstream: ScriptedUpstream.Script = { request, connection in
            let fields = ["Cache-Control: max-age=3600", "ETag: \"1\""]
            if isTold { return connection.answer(200, fields, body, isHead: request.method == "HEAD") }
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + fields.map { $0 + "\r\n" }.joined())
            connection.send("\r\n" + (request.method == "HEAD" ? "" : "5\r\nfresh\r\n0\r\n\r\n"))
        }
        try await withEdge(upstream) { (edge) throws in
            let length = isTold ? "\(body.count)" : nil
            let unstored = try edge.get("/a", [("If-None-Match", "\"1\"")])
            #expect(unstored.status == 304 && unstored["x-cache"] == "MISS")
            #expect(unstored["content-length"] == length)
            let head = try edge.ask("HEAD", "/b")
            #expect(head.status == 200 && head["x-cache"] == "MISS")
            #expect(head["content-length"] == length && head["transfer-encoding"] == nil)
            // Stored, its length is known.
            #expect(try edge.get("/a", [("If-None-Match", "\"1\"")])["content-length"] == "\(body.count)")
        }
    }

    /// An upstream's 304 may tell the length of its own body, which is nothing.
    @Test(arguments: ["0", "4711", ""]) func notModifiedOfAnUpstream(_ told: String) async throws {
        let upstream: ScriptedUpstream.Script = { _, connection in
            let length = told.isEmpty ? "" : "Content-Length: \(told)\r\n"
            connection.send("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: no-store\r\n\(length)\r\n")
        }
        try await withEdge(upstream) { (edge) throws in
            let answer = try edge.get("/a", [("If-None-Match", "\"1\""), ("Cache-Control", "no-store")])
            #expect(answer.status == 304)
            #expect(answer["content-length"] == (told == "4711" ? told : nil))
        }
    }

    @Test func headOutOfAStoredGet() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            _ = try edge.get("/a")
            let head = try edge.ask("HEAD", "/a")
            #expect(head.status == 200)
            #expect(head["x-cache"] == "HIT")
            #expect(head["content-length"] == "\(plainBody("/a").count)")
            #expect(edge.upstream.seen.count == 1)
            // Nothing is stored for it: the upstream is asked, and its answer makes no GET's.
            let miss = try edge.ask("HEAD", "/b")
            #expect(miss["x-cache"] == "MISS")
            #expect(miss["content-length"] == "\(plainBody("/b").count)")
            #expect(edge.upstream.seen("/b").map(\.method) == ["HEAD"])
            #expect(try edge.get("/b").body == plainBody("/b"))
        }
    }

    // MARK: Ranges

    @Test(arguments: [
        ("bytes=0-99", 206, 0..<100), ("bytes=100-", 206, 100..<300), ("bytes=-7", 206, 293..<300),
        ("bytes=0-0", 206, 0..<1), ("bytes=290-9999", 206, 290..<300), ("bytes=-9999", 206, 0..<300),
        // Overlapping ones are joined.
        ("bytes=0-99,50-149", 206, 0..<150), ("bytes=0-,0-,0-", 206, 0..<300),
        // What is no range counts as none.
        ("bytes=5-2", 200, 0..<300), ("bytes=", 200, 0..<300), ("bytes=-", 200, 0..<300), ("lines=1-2", 200, 0..<300),
        ("bytes=a-b", 200, 0..<300), ("bytes 1-2", 200, 0..<300), ("bytes=1-2,x", 200, 0..<300),
        ("bytes=0x1-2", 200, 0..<300), ("bytes=--1", 200, 0..<300), ("", 200, 0..<300),
        ("bytes=0-99999999999999999999999999", 206, 0..<300),
    ])
    func ranges(_ range: String, _ status: Int, _ part: Range<Int>) async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let body = plainBody("/a")
            #expect(try edge.get("/a").body.count == 300)
            let response = try edge.get("/a", [("Range", range)])
            #expect(response.status == status)
            #expect(response.body == Array(body[part]))
            #expect(response["x-cache"] == "HIT")
            #expect(
                response["content-range"]
                    == (status == 206 ? "bytes \(part.lowerBound)-\(part.upperBound - 1)/300" : nil))
            #expect(edge.upstream.seen.count == 1)
        }
    }

    @Test(arguments: ["bytes=300-", "bytes=9999-10000", "bytes=-0", "bytes=99999999999999999999-"])
    func unsatisfiable(_ range: String) async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            _ = try edge.get("/a")
            let response = try edge.get("/a", [("Range", range)])
            #expect(response.status == 416)
            #expect(response["content-range"] == "bytes */300")
        }
    }

    @Test func severalRanges() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            _ = try edge.get("/a")
            let response = try edge.get("/a", [("Range", "bytes=0-1,200-202")])
            #expect(response.status == 206)
            let boundary = try #require(response["content-type"]?.split(separator: "boundary=").last)
            let parts = response.text.components(separatedBy: "--\(boundary)")
            #expect(parts.count == 4)
            #expect(parts[1].contains("bytes 0-1/300") && parts[1].hasSuffix("\r\n\r\n/a\r\n"))
            #expect(parts[2].contains("bytes 200-202/300"))
            #expect(parts[3].hasPrefix("--"))
        }
    }

    /// Many ranges are no way to make the edge send more than there is.
    @Test(arguments: [1_000, 1_500]) func aThousandParts(_ count: Int) async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let target = "/" + String(repeating: "x", count: 98)
            _ = try edge.get(target)
            let range = "bytes=" + (0..<count).map { "\($0 * 3)-\($0 * 3)" }.joined(separator: ",")
            let response = try edge.get(target, [("Range", range)])
            #expect(response.status == 200)
            #expect(response.body == plainBody(target))
        }
    }

    @Test func ifRangeWithAnotherTagGetsTheWhole() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            _ = try edge.get("/a")
            #expect(try edge.get("/a", [("Range", "bytes=0-9"), ("If-Range", "\"1\"")]).status == 206)
            for other in ["\"2\"", "W/\"1\"", "Sat, 01 Jan 2022 00:00:00 GMT", "nonsense"] {
                let whole = try edge.get("/a", [("Range", "bytes=0-9"), ("If-Range", other)])
                #expect(whole.status == 200)
                #expect(whole.body == plainBody("/a"))
            }
        }
    }

    // MARK: Names

    /// Whatever the upstream may mean by them: each goes through as it came, and none is answered with another's.
    @Test func oddTargetsPassAsTheyAreAndNeverCollide() async throws {
        let targets = [
            "/images/-1", "/images/1000000000000000000000000000000", "/images/..%2f..%2fetc%2fpasswd",
            "/images/../../etc/passwd", "/etc/passwd", "/images/%2e%2e/%2e%2e/etc/passwd", "/images/1%2F2",
            "/images/1%2f2",
            "/images/1/2", "/images//1", "/images/1/", "/images/1", "/images/%31", "/images/1?", "/images/1?a",
            "/images/1%3Fa",
            "/images/1%00", "/images/1;a", "/IMAGES/1", "//images/1",
        ]
        try await withEdge(plainUpstream) { (edge) throws in
            for target in targets {
                let miss = try edge.get(target)
                #expect(miss["x-cache"] == "MISS", "\(target)")
                #expect(miss.body == plainBody(target))
            }
            #expect(edge.upstream.seen.map(\.target) == targets)
            for target in targets {
                let hit = try edge.get(target)
                #expect(hit["x-cache"] == "HIT", "\(target)")
                #expect(hit.body == plainBody(target))
            }
            #expect(edge.upstream.seen.count == targets.count)
        }
    }

    @Test func absoluteFormIsTheSameResource() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            _ = try edge.get("/a?b")
            let hit = try edge.get("http://elsewhere.example/a?b")
            #expect(hit["x-cache"] == "HIT")
            #expect(try edge.get("http://elsewhere.example?b").body == plainBody("/?b"))
            #expect(edge.upstream.seen.map(\.target) == ["/a?b", "/?b"])
        }
    }

    // MARK: For whom

    @Test func varyTellsAnswersApart() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let language = request["accept-language"] ?? "none"
            connection.answer(200, ["Cache-Control: max-age=60", "Vary: Accept-Language"], Array(language.utf8))
        }
        try await withEdge(script) { (edge) throws in
            for language in ["de", "en", "fr"] {
                #expect(try edge.get("/a", [("Accept-Language", language)])["x-cache"] == "MISS")
            }
            #expect(try edge.get("/a")["x-cache"] == "MISS")
            for language in ["de", "en", "fr"] {
                let hit = try edge.get("/a", [("Accept-Language", language)])
                #expect(hit["x-cache"] == "HIT")
                #expect(hit.text == language)
            }
            #expect(try edge.get("/a").text == "none")
            #expect(edge.upstream.seen.count == 4)
        }
    }

    @Test(arguments: ["Vary: *", "Cache-Control: private", "Cache-Control: no-store", "Set-Cookie: a=b"])
    func whatMayNotBeSharedIsNot(_ field: String) async throws {
        let script: ScriptedUpstream.Script = { request, connection in connection.answer(200, [field], Array("x".utf8))
        }
        try await withEdge(script) { (edge) throws in
            for _ in 0..<3 { #expect(try edge.get("/a")["x-cache"] == "MISS") }
            #expect(edge.upstream.seen.count == 3)
        }
    }

    @Test func authorizedAnswersAreNotSharedUnlessTheySaySo() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let allows = request.target == "/public" ? "public, max-age=60" : "max-age=60"
            connection.answer(200, ["Cache-Control: \(allows)"], Array((request["authorization"] ?? "none").utf8))
        }
        try await withEdge(script) { (edge) throws in
            let own = [(name: "Authorization", value: "Bearer somebody")]
            for _ in 0..<2 {
                let response = try edge.get("/a", own)
                #expect(response["x-cache"] == "MISS")
                // A foreign token is the upstream's business.
                #expect(response.text == "Bearer somebody")
            }
            #expect(try edge.get("/a").text == "none")
            #expect(try edge.get("/public", own)["x-cache"] == "MISS")
            #expect(try edge.get("/public")["x-cache"] == "HIT")
        }
    }

    @Test func theFleetsTokensStayInTheFleet() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let response = try #require(edge.client().ask("GET", "/a", token: "admin"))
            #expect(response.status == 200)
            let upload = try #require(edge.client().ask("PUT", "/b", token: "admin", body: [1]))
            #expect(upload.status == 200)
            for odd in ["Bearer admin ", "BEARER\tadmin", "bearer  admin", "Bearer x, Bearer admin", "admin"] {
                #expect(try edge.get("/odd", [("Authorization", odd)]).status == 200)
            }
            let doubled = [("Authorization", "Bearer other"), ("Authorization", "Bearer admin")]
            #expect(try edge.get("/odd", doubled).status == 400)
            #expect(edge.upstream.seen.map(\.method).prefix(2) == ["GET", "PUT"])
            #expect(edge.upstream.seen.allSatisfy { $0["authorization"] == nil })
        }
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.upstream.isOfFleet = true }
        try await withEdge(configured: change, plainUpstream) { (edge) throws in
            _ = try #require(edge.client().ask("PUT", "/b", token: "admin", body: [1]))
            #expect(edge.upstream.seen.first?["authorization"] == "Bearer admin")
        }
    }

    /// What one client claims, and is in no key, reaches nobody else: it does not reach the upstream at all.
    @Test(arguments: [
        "X-Forwarded-Host", "X-Forwarded-Scheme", "X-Forwarded-Proto", "X-Host", "X-Original-URL", "X-Rewrite-URL",
        "Forwarded",
        "X-HTTP-Method-Override", "X-Forwarded-Prefix", "X-Forwarded-Server",
    ])
    func poisoning(_ name: String) async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            let claimed = request[name.lowercased()] ?? ""
            connection.answer(200, ["Cache-Control: max-age=60"], Array("for \(claimed) \(request["host"] ?? "")".utf8))
        }
        try await withEdge(script) { (edge) throws in
            let first = try edge.get("/a", [(name, "evil.example"), ("Host", "evil.example")])
            #expect(!first.text.contains("evil"))
            #expect(!(try edge.get("/a").text.contains("evil")))
            #expect(edge.upstream.seen.count == 1)
            #expect(edge.upstream.seen[0]["host"] == "127.0.0.1:\(edge.upstream.port)")
        }
    }

    /// What `Connection` names goes no further.
    @Test func hopByHopFieldsStayHere() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            _ = try edge.get(
                "/a", [("Connection", "X-Own, keep-alive"), ("X-Own", "1"), ("TE", "trailers"), ("Keep-Alive", "1")])
            let seen = try #require(edge.upstream.seen.first)
            for name in ["x-own", "te", "keep-alive"] { #expect(seen[name] == nil, "\(name)") }
        }
    }
}
