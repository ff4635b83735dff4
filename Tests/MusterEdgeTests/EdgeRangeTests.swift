import Glibc
import MusterCache
import MusterHTTP
import MusterServerKit
import Synchronization
import Testing

@testable import MusterEdge

/// Ranges and HEAD that many ask for, and what they leave behind.
@Suite(.serialized) struct EdgeRangeTests {
    private func collapsed(_ edge: TestEdge) -> Int { edge.edge.cache.counters.collapsed.load(ordering: .relaxed) }

    @Test(arguments: ["0-99", "1500000-1500099", "2000000-", "-100"])
    func twentyClientsOfOneColdRangeAreOneRequest(_ range: String) async throws {
        let (goOn, body) = (Latch(), noise(4 << 20))
        let script: ScriptedUpstream.Script = { request, connection in
            goOn.wait()
            rangedUpstream(body)(request, connection)
        }
        try await withEdge(script) { (edge) throws in
            let clients = (0..<20).map { _ in edge.client() }
            for client in clients { client.begin("GET", "/a", ["Range: bytes=\(range)"]) }
            #expect(holdsAtLast { collapsed(edge) == 19 })
            goOn.open()
            let ends = range.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            let wanted = ends[0].map { $0...(ends[1] ?? body.count - 1) } ?? body.count - 100...body.count - 1
            for client in clients {
                let response = try #require(client.response())
                #expect(response.status == 206)
                #expect(response["content-range"] == "bytes \(wanted.lowerBound)-\(wanted.upperBound)/\(body.count)")
                #expect(response.body.elementsEqual(body[wanted]))
            }
            #expect(edge.upstream.seen.count == 1)
            #expect(try edge.get("/a", [("Range", "bytes=\(range)")])["x-cache"] == "HIT")
        }
    }

    @Test func twentyHeadsAreOneRequest() async throws {
        let goOn = Latch()
        let script: ScriptedUpstream.Script = { request, connection in
            goOn.wait()
            plainUpstream(request, connection)
        }
        try await withEdge(script) { (edge) throws in
            let clients = (0..<20).map { _ in edge.client() }
            for client in clients { client.begin("HEAD", "/a") }
            #expect(holdsAtLast { collapsed(edge) == 19 })
            goOn.open()
            for client in clients {
                let response = try #require(client.response(headOnly: true))
                #expect(response.status == 200)
                #expect(response["content-length"] == "300")
            }
            #expect(edge.upstream.seen.count == 1)
        }
    }

    /// What the first one learned answers the others, and is no hindrance to the bytes: the first GET asks for all of them.
    @Test func headsOneAfterAnotherAreOneRequest() async throws {
        let edge = try TestEdge(plainUpstream) { _ in }
        let heads: @Sendable ([String]) throws -> Void = { words in
            for word in words {
                let response = try edge.ask("HEAD", "/a")
                #expect(response.status == 200)
                #expect(response["content-length"] == "300")
                #expect(response["content-type"] == "text/plain")
                #expect(response["content-range"] == nil)
                #expect(response["x-cache"] == word)
            }
        }
        try await onThread { try heads(["MISS", "HIT"]) }
        try await edge.restart()
        try await onThread {
            try heads(["HIT"])
            #expect(try edge.ask("HEAD", "/a", [("If-None-Match", "\"1\"")]).status == 304)
            #expect(edge.upstream.seen.count == 1)
            let whole = try edge.get("/a")
            #expect(whole["x-cache"] == "MISS" && whole.body == plainBody("/a"))
            #expect(edge.upstream.seen.last?["range"] == nil)
            try heads(["HIT"])
            #expect(try edge.get("/a")["x-cache"] == "HIT")
            #expect(edge.upstream.seen.count == 2 && edge.edge.cache.store.statistics.objects == 1)
            try edge.purge("{\"all\":true}")
            try heads(["MISS"])
        }
        await edge.stop()
    }

    /// Bytes are added beside what a HEAD told, which answers on; a range by itself says too little for HEAD.
    @Test(arguments: ["\"1\"", nil]) func headAndRangesStandBesideEachOther(tag: String?) async throws {
        let body = noise(3 << 20)
        try await withEdge(rangedUpstream(body, tag: tag)) { (edge) throws in
            func head(_ word: String) throws {
                let head = try edge.ask("HEAD", "/a")
                #expect(head.status == 200 && head["content-length"] == "3145728" && head["x-cache"] == word)
            }
            func range(_ first: Int, _ word: String) throws {
                let part = try edge.get("/a", [("Range", "bytes=\(first)-\(first + 99)")])
                #expect(part["x-cache"] == word && part.body.elementsEqual(body[first..<first + 100]))
            }
            try range(0, "MISS")
            try head("MISS")
            for _ in 0..<2 { try head("HIT") }
            try range(0, "HIT")
            try range(2_000_000, "MISS")
            try head("HIT")
            try range(2_000_000, "HIT")
            #expect(edge.upstream.seen.count == 3)
        }
    }

    /// What has changed is not answered from what an older HEAD told.
    @Test func headsGoStaleAndAreValidated() async throws {
        let count = Counter()
        let script: ScriptedUpstream.Script = { request, connection in
            let number = count.next()
            if number == 2 { return connection.answer(304, ["Cache-Control: max-age=0", "ETag: \"1\""]) }
            let body = [UInt8](repeating: 1, count: number)
            connection.answer(
                200, ["Cache-Control: max-age=0", "ETag: \"\(number)\""], body, isHead: request.method == "HEAD")
        }
        try await withEdge(script) { (edge) throws in
            #expect(try edge.ask("HEAD", "/a")["content-length"] == "1")
            #expect(try edge.ask("HEAD", "/a")["content-length"] == "1")
            #expect(edge.upstream.seen.last?["if-none-match"] == "\"1\"")
            #expect(try edge.ask("HEAD", "/a")["content-length"] == "3")
            #expect(try edge.ask("HEAD", "/a")["content-length"] == "4")
            #expect(edge.edge.cache.store.statistics.objects == 1)
        }
    }

    /// HEAD that may not be shared is asked by each for itself.
    @Test func headsOfWhatIsPrivateAreNotShared() async throws {
        let script: ScriptedUpstream.Script = { _, connection in
            connection.answer(200, ["Cache-Control: private"], [1, 2, 3], isHead: true)
        }
        try await withEdge(script) { (edge) throws in
            let clients = (0..<5).map { _ in edge.client() }
            for client in clients { client.begin("HEAD", "/a") }
            for client in clients { #expect(client.response(headOnly: true)?["content-length"] == "3") }
            #expect(edge.upstream.seen.count == 5)
        }
    }

    @Test(arguments: [true, false]) func headDuringAGetAsksNothing(isHeadIn: Bool) async throws {
        let goOn = Latch()
        let script: ScriptedUpstream.Script = { _, connection in
            if !isHeadIn { goOn.wait() }
            connection.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nfirst")
            goOn.wait()
            connection.send("after")
        }
        try await withEdge(script) { (edge) throws in
            let getter = edge.client()
            getter.begin("GET", "/a")
            if isHeadIn { #expect(getter.reads("first")) }
            #expect(holdsAtLast { edge.upstream.seen.count == 1 })
            let header = edge.client()
            header.begin("HEAD", "/a")
            #expect(holdsAtLast { collapsed(edge) == 1 })
            goOn.open()
            #expect(header.response(headOnly: true)?["content-length"] == "10")
            #expect(getter.reads("after"))
            #expect(edge.upstream.seen.count == 1)
        }
    }

    /// While all of it comes, a range near by is taken from it; one far ahead is not waited for.
    @Test func aRangeDuringAGet() async throws {
        let (goOn, body) = (Latch(), noise(8 << 20))
        let script: ScriptedUpstream.Script = { request, connection in
            if request["range"] != nil { return rangedUpstream(body)(request, connection) }
            connection.send(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: \"1\"\r\nContent-Length: \(body.count)\r\n\r\n")
            connection.send(Array(body[..<100_000]))
            goOn.wait()
            connection.send(Array(body[100_000...]))
        }
        try await withEdge(script) { (edge) throws in
            let getter = edge.client()
            getter.begin("GET", "/a")
            #expect(holdsAtLast { edge.upstream.seen.count == 1 })
            let near = edge.client()
            near.begin("GET", "/a", ["Range: bytes=500-999"])
            #expect(near.response()?.body.elementsEqual(body[500..<1_000]) == true)
            #expect(edge.upstream.seen.count == 1)
            let far = edge.client()
            far.begin("GET", "/a", ["Range: bytes=7000000-7000099"])
            #expect(far.response()?.body.elementsEqual(body[7_000_000..<7_000_100]) == true)
            #expect(edge.upstream.seen.last?["range"] == "bytes=6291456-7340031")
            goOn.open()
            #expect(getter.response()?.body.elementsEqual(body) == true)
            #expect(edge.upstream.seen.count == 2)
        }
    }

    /// What is larger than memory takes is stored from ranges, too, in files, and is there after a restart.
    @Test(arguments: ["\"1\"", nil]) func rangesOfALargeThingAreHitsTheSecondTime(tag: String?) async throws {
        let body = noise(20 << 20)
        let fields = tag.map { ["ETag: \($0)"] } ?? ["Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"]
        let script: ScriptedUpstream.Script = { request, connection in
            let value = request["range"]?.dropFirst(6).split(separator: "-").compactMap { Int($0) } ?? [0]
            let range = value[0]...min(value.count > 1 ? value[1] : .max, body.count - 1)
            connection.answer(
                206,
                fields + [
                    "Cache-Control: max-age=3600",
                    "Content-Range: bytes \(range.lowerBound)-\(range.upperBound)/\(body.count)",
                ], Array(body[range]))
        }
        let edge = try TestEdge(script) { $0.limits.memoryBytes = 64 << 20 }
        let wanted = [0..<100, 5_000_000..<5_000_100, body.count - 5_000_000..<body.count]
        let check: @Sendable (String) throws -> Void = { word in
            for range in wanted {
                let response = try edge.get(
                    "/video", [("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")])
                #expect(response["x-cache"] == word)
                #expect(response.body.elementsEqual(body[range]))
            }
        }
        try await onThread {
            try check("MISS")
            try check("HIT")
        }
        try await edge.restart()
        try await onThread {
            try check("HIT")
            #expect(edge.upstream.seen.count == 3)
            try edge.purge("{\"all\":true}")
            #expect(edge.edge.cache.store.statistics.objects == 0)
            try check("MISS")
        }
        await edge.stop()
    }

    /// An upstream that knows no ranges sends the whole, which is kept, and served in ranges.
    @Test func anUpstreamWithoutRanges() async throws {
        let body = noise(3 << 20)
        let script: ScriptedUpstream.Script = { _, connection in
            connection.answer(200, ["Cache-Control: max-age=60"], body)
        }
        try await withEdge(script) { (edge) throws in
            for word in ["MISS", "HIT"] {
                let part = try edge.get("/a", [("Range", "bytes=1000-1999")])
                #expect(part.status == 206)
                #expect(part["x-cache"] == word)
                #expect(part.body.elementsEqual(body[1_000..<2_000]))
            }
            #expect(edge.upstream.seen.count == 1)
        }
    }

    /// It breaks off in the middle: nothing of it is stored, and nobody hangs.
    @Test func aPartThatBreaksOff() async throws {
        let (goOn, count, body) = (Latch(), Counter(), noise(3 << 20))
        let script: ScriptedUpstream.Script = { request, connection in
            guard count.next() == 1 else { return rangedUpstream(body)(request, connection) }
            connection.send(
                "HTTP/1.1 206 Part\r\nCache-Control: max-age=60\r\nETag: \"1\"\r\nContent-Length: 1048576\r\n"
                    + "Content-Range: bytes 0-1048575/\(body.count)\r\n\r\n")
            connection.send(Array(body[..<1_000]))
            goOn.wait()
            connection.hangUp()
        }
        try await withEdge(script) { (edge) throws in
            let (small, large) = (edge.client(), edge.client())
            small.begin("GET", "/a", ["Range: bytes=0-499"])
            #expect(small.response()?.body.elementsEqual(body[..<500]) == true)
            large.begin("GET", "/a", ["Range: bytes=0-4999"])
            #expect(holdsAtLast { collapsed(edge) == 1 })
            goOn.open()
            #expect(large.response()?.body.count ?? 0 < 5_000)
            #expect(holdsAtLast { !edge.edge.cache.flights.areUnderWay })
            let again = try edge.get("/a", [("Range", "bytes=0-4999")])
            #expect(again["x-cache"] == "MISS")
            #expect(again.body.elementsEqual(body[..<5_000]))
        }
    }

    /// `If-Range` that does not hold is answered with the whole, which others' slices do not hold.
    @Test(arguments: [("\"1\"", 206), ("\"0\"", 200)]) func ifRange(_ condition: String, _ status: Int) async throws {
        let body = noise(3 << 20)
        try await withEdge(rangedUpstream(body)) { (edge) throws in
            for _ in 0..<2 {
                let response = try edge.get("/a", [("Range", "bytes=100-199"), ("If-Range", condition)])
                #expect(response.status == status)
                #expect(response.body.elementsEqual(status == 206 ? body[100..<200] : body[...]))
            }
        }
    }

    /// A slice that may not be shared goes to nobody: each gets the very range that it asked for.
    @Test func aPrivateRange() async throws {
        let body = noise(3 << 20)
        try await withEdge(rangedUpstream(body, control: "private")) { (edge) throws in
            for start in [0, 100, 2_000_000] {
                let response = try edge.get("/a", [("Range", "bytes=\(start)-\(start + 9)")])
                #expect(response["content-range"] == "bytes \(start)-\(start + 9)/\(body.count)")
                #expect(response.body.elementsEqual(body[start..<start + 10]))
            }
            #expect(edge.edge.cache.store.statistics.objects == 0)
        }
    }

    /// Small pieces of everything at once, while it is purged: each gets the right bytes.
    @Test func manyRangesAtOnce() async throws {
        let body = noise(6 << 20)
        try await withEdge(rangedUpstream(body)) { (edge) throws in
            for round in 0..<5 {
                let starts = (0..<40).map { ($0 * 7_919 + round) * 101 % (body.count - 200_000) }
                let clients = starts.map { _ in edge.client() }
                for (client, start) in zip(clients, starts) {
                    client.begin("GET", "/a", ["Range: bytes=\(start)-\(start + 150_000)"])
                }
                if round % 2 == 1 { try edge.purge("{\"all\":true}") }
                for (client, start) in zip(clients, starts) {
                    #expect(client.response()?.body.elementsEqual(body[start...start + 150_000]) == true)
                }
            }
        }
    }
}
