import MusterCache
import MusterHTTP
import MusterServerKit
import Synchronization
import Testing

@testable import MusterEdge

/// Many clients, one fetch.
@Suite(.serialized) struct EdgeCollapsingTests {
    @Test func twoHundredClientsAreOneRequest() async throws {
        let goOn = Latch()
        let body = noise(300_000)
        let script: ScriptedUpstream.Script = { request, connection in
            goOn.wait()
            connection.answer(200, ["Cache-Control: max-age=60"], body)
        }
        try await withEdge(script) { (edge) throws in
            let clients = (0..<200).map { _ in edge.client() }
            for client in clients { client.begin("GET", "/a") }
            #expect(holdsAtLast { edge.edge.cache.counters.collapsed.load(ordering: .relaxed) == 199 })
            goOn.open()
            for client in clients {
                let response = try #require(client.response())
                #expect(response.status == 200)
                #expect(response.body == body)
            }
            #expect(edge.upstream.seen.count == 1)
            #expect(try edge.get("/a")["x-cache"] == "HIT")
        }
    }

    /// However requests and the fetch's end meet, there is one fetch.
    @Test func aCrowdThatKeepsComingIsOneRequest() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            for round in 0..<20 {
                let clients = (0..<30).map { _ in edge.client() }
                for client in clients { client.begin("GET", "/\(round)") }
                for client in clients { #expect(client.response()?.body == plainBody("/\(round)")) }
                #expect(edge.upstream.seen("/\(round)").count == 1)
            }
        }
    }

    /// Bytes reach those who wait as they come; who joins late gets them from the first on.
    @Test(arguments: [true, false]) func bytesGoOutAsTheyComeIn(isDeclared: Bool) async throws {
        let goOn = Latch()
        let script: ScriptedUpstream.Script = { request, connection in
            let length = isDeclared ? "Content-Length: 10" : "Transfer-Encoding: chunked"
            connection.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\(length)\r\n\r\n")
            connection.send(isDeclared ? "first" : "5\r\nfirst\r\n")
            goOn.wait()
            connection.send(isDeclared ? "after" : "5\r\nafter\r\n0\r\n\r\n")
        }
        try await withEdge(script) { (edge) throws in
            let clients = (0..<10).map { _ in edge.client() }
            for client in clients { client.begin("GET", "/a") }
            for client in clients { #expect(client.reads("first")) }
            let late = edge.client()
            late.begin("GET", "/a")
            #expect(late.reads("first"))
            goOn.open()
            for client in clients + [late] { #expect(client.reads("after")) }
            #expect(edge.upstream.seen.count == 1)
            #expect(try edge.get("/a").text == "firstafter")
        }
    }

    /// One that reads nothing keeps neither others nor the fetch.
    @Test func aSlowReaderSlowsNobody() async throws {
        let body = noise(8 << 20)
        let script: ScriptedUpstream.Script = { _, connection in
            connection.answer(200, ["Cache-Control: max-age=60"], body)
        }
        try await withEdge(script) { (edge) throws in
            let slow = (0..<5).map { _ in edge.client() }
            for client in slow { client.begin("GET", "/a") }
            let fast = (0..<5).map { _ in edge.client() }
            for client in fast { client.begin("GET", "/a") }
            for client in fast { #expect(client.response()?.body.count == body.count) }
            #expect(try edge.get("/a")["x-cache"] == "HIT")
            for client in slow { #expect(client.response()?.body.elementsEqual(body) == true) }
            #expect(edge.upstream.seen.count == 1)
        }
    }

    /// The leader's fetch fails before its head is in: those who wait try once more, together, and nothing is remembered.
    @Test func aFailedFetchIsRetriedOnceForThoseWhoWait() async throws {
        let (goOn, count) = (Latch(), Counter())
        let script: ScriptedUpstream.Script = { _, connection in
            if count.next() == 1 {
                goOn.wait()
                return connection.hangUp()
            }
            connection.answer(200, ["Cache-Control: max-age=60"], Array("better".utf8))
        }
        try await withEdge(script) { (edge) throws in
            let clients = (0..<20).map { _ in edge.client() }
            for client in clients { client.begin("GET", "/a") }
            #expect(holdsAtLast { edge.edge.cache.counters.collapsed.load(ordering: .relaxed) == 19 })
            goOn.open()
            let statuses = clients.compactMap { $0.response()?.status }
            #expect(statuses.count == 20)
            #expect(statuses.count { $0 == 502 } == 1)
            #expect(statuses.count { $0 == 200 } == 19)
            #expect(edge.upstream.seen.count == 2)
            #expect(try edge.get("/a")["x-cache"] == "HIT")
        }
    }

    @Test func whatFailsTwiceFailsForAll() async throws {
        let (goOn, fails) = (Latch(), Latch())
        let script: ScriptedUpstream.Script = { _, connection in
            goOn.wait()
            connection.hangUp()
            fails.open()
        }
        try await withEdge(script) { (edge) throws in
            let clients = (0..<20).map { _ in edge.client() }
            for client in clients { client.begin("GET", "/a") }
            #expect(holdsAtLast { edge.edge.cache.counters.collapsed.load(ordering: .relaxed) == 19 })
            goOn.open()
            for client in clients { #expect(client.response()?.status == 502) }
            #expect(edge.upstream.seen.count <= 4)
            // The next one is asked for anew.
            edge.replaceUpstream(plainUpstream)
            #expect(try edge.get("/a").status == 200)
        }
    }

    /// What may not be shared: each gets an answer of its own, and they are asked for side by side.
    @Test func uncacheableAnswersAreEachTheirOwn() async throws {
        let (goOn, all, count) = (Latch(), Latch(), Counter())
        let script: ScriptedUpstream.Script = { _, connection in
            let number = count.next()
            if number == 1 { goOn.wait() }
            // All of them are under way at once.
            if number == 20 { all.open() }
            if number > 1 { all.wait() }
            connection.answer(200, ["Cache-Control: private"], Array("\(number)".utf8))
        }
        try await withEdge(script) { (edge) throws in
            let clients = (0..<20).map { _ in edge.client() }
            for client in clients { client.begin("GET", "/a") }
            #expect(holdsAtLast { edge.edge.cache.counters.collapsed.load(ordering: .relaxed) == 19 })
            goOn.open()
            let numbers = clients.compactMap { $0.response()?.text }
            #expect(Set(numbers) == Set((1...20).map { "\($0)" }))
            #expect(edge.upstream.seen.count == 20)
        }
    }

    /// One fetch turns out to be for another variant: who wants this one asks for itself.
    @Test func waitersOfAnotherVariantGetTheirOwn() async throws {
        let goOn = Latch()
        let script: ScriptedUpstream.Script = { request, connection in
            goOn.wait()
            let language = request["accept-language"] ?? ""
            connection.answer(200, ["Cache-Control: max-age=60", "Vary: Accept-Language"], Array(language.utf8))
        }
        try await withEdge(script) { (edge) throws in
            let languages = (0..<30).map { ["de", "en", "fr"][$0 % 3] }
            let clients = languages.map { _ in edge.client() }
            for (client, language) in zip(clients, languages) {
                client.begin("GET", "/a", ["Accept-Language: \(language)"])
            }
            #expect(holdsAtLast { edge.edge.cache.counters.collapsed.load(ordering: .relaxed) == 29 })
            goOn.open()
            for (client, language) in zip(clients, languages) { #expect(client.response()?.text == language) }
            for language in ["de", "en", "fr"] {
                #expect(try edge.get("/a", [("Accept-Language", language)])["x-cache"] == "HIT")
            }
        }
    }

    /// Clients that go while they wait, the first among them, leave the others what they wait for.
    @Test func clientsThatGoLeaveTheRestTheirs() async throws {
        let goOn = Latch()
        let script: ScriptedUpstream.Script = { request, connection in
            goOn.wait()
            plainUpstream(request, connection)
        }
        try await withEdge(script) { (edge) throws in
            var leaving = [edge.client()]
            leaving[0].begin("GET", "/a")
            #expect(holdsAtLast { edge.upstream.seen.count == 1 })
            leaving += (0..<20).map { _ in edge.client() }
            for client in leaving.dropFirst() { client.begin("GET", "/a") }
            let staying = (0..<5).map { _ in edge.client() }
            for client in staying { client.begin("GET", "/a") }
            #expect(holdsAtLast { edge.edge.cache.counters.collapsed.load(ordering: .relaxed) == 25 })
            leaving = []
            #expect(holdsAtLast { edge.edge.serverStatistics?.connections == 5 })
            goOn.open()
            for client in staying { #expect(client.response()?.body == plainBody("/a")) }
            #expect(edge.upstream.seen.count == 1)
        }
    }

    /// A body too large for memory is one fetch, too, and is the same for all.
    @Test func aLargeBodyGoesThroughAFile() async throws {
        let body = noise(3 << 20)
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.limits.memoryBytes = 2 << 20 }
        let script: ScriptedUpstream.Script = { _, connection in
            connection.answer(200, ["Cache-Control: max-age=60", "ETag: \"1\""], body)
        }
        try await withEdge(configured: change, script) { (edge) throws in
            let clients = (0..<10).map { _ in edge.client() }
            for client in clients { client.begin("GET", "/a") }
            for client in clients { #expect(client.response()?.body.elementsEqual(body) == true) }
            #expect(edge.upstream.seen.count == 1)
            let hit = try edge.get("/a")
            #expect(hit["x-cache"] == "HIT")
            #expect(hit.body.elementsEqual(body))
            #expect(try edge.get("/a", [("Range", "bytes=1000000-1000009")]).body == Array(body[1_000_000..<1_000_010]))
            #expect(edge.edge.cache.store.statistics.memoryBytes < 100_000)
        }
    }
}

extension RawClient {
    /// Whether this text comes, whatever comes before it.
    func reads(_ text: String) -> Bool { line(until: Array(text.utf8)) != nil }
}
