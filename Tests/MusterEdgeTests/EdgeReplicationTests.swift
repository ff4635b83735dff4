import HTTPCaching
import MusterAPI
import MusterCache
import MusterElection
import MusterServerKit
import MusterTestKit
import MusterWire
import Synchronization
import Testing

@testable import MusterEdge
@testable import MusterEdgePeers

/// What one edge has fetched, and which of it the others take over.
@Suite(.timeLimit(.minutes(3))) struct EdgeReplicationTests {
    private static func stored(_ edge: Edge, _ upstream: ScriptedUpstream, _ target: String) -> CachedObject? {
        edge.cache.store.variants(CacheKey(origin: upstream.url, target: target)).first
    }

    @Test func aMissAnywhereIsAHitEverywhere() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            connection.answer(
                200,
                ["Cache-Control: max-age=3600", "Age: 100", "ETag: \"x\"", "Content-Type: text/plain", "X-Own: 1"],
                plainBody(request.target))
        }
        try await withEdges([1, 2, 3], script) { (edges, upstream) throws in
            try await onThread { () throws in
                for (id, target) in [(1, "/a?x=1&y=%20z"), (3, "/b")] {
                    let miss = try edges.get(id, target)
                    #expect(miss["x-cache"] == "MISS")
                    for other in 1...3 { #expect(try holdsAtLast { try edges.has(other, target) }) }
                    for other in 1...3 {
                        let hit = try edges.get(other, target)
                        #expect(hit["x-cache"] == "HIT")
                        #expect(hit.body == plainBody(target))
                        for name in ["etag", "content-type", "cache-control", "x-own"] {
                            #expect(hit[name] == miss[name])
                        }
                        #expect(hit["x-muster-position"] == nil)
                        #expect(hit["age"].flatMap { Int($0) }.map { (100...160).contains($0) } == true)
                        let left = Self.stored(edges[other], upstream, target)!.head.freshness
                            .remainingMs(nowMs: nowMs)
                        #expect((3_400_000...3_500_000).contains(left), "\(left)")
                    }
                }
                // By whoever missed, and by the leader; never by one who was ordered to pull.
                #expect(upstream.seen.count <= 3)
            }
        }
    }

    /// Somebody else's server is asked for what clients ask for, and for nothing of Muster's own.
    @Test func aForeignUpstream() async throws {
        try await withEdges([1, 2]) { (edges, upstream) throws in
            try await onThread { () throws in
                let fields = "Mozilla"
                _ = try edges.ask(1, "GET", "/images/1", token: nil, nil, [("User-Agent", fields)])
                #expect(try holdsAtLast { try edges.has(2, "/images/1") })
                #expect(try edges.purge(2, "{\"id\":1}").text.hasPrefix("{\"purged\":2,"))
                for id in [1, 2] { #expect(try !edges.has(id, "/images/1")) }
                _ = try edges.get(1, "/images/1")
                #expect(upstream.seen.allSatisfy { !$0.target.hasPrefix("/v1/") && $0["authorization"] == nil })
                for id in [1, 2] { #expect(!edges[id].cache.origin.isFollowing) }
            }
        }
    }

    @Test func someThingsStay() async throws {
        let fields = [
            "/vary": ["Cache-Control: max-age=60", "Vary: X-A"], "/private": ["Cache-Control: private, max-age=60"],
            "/none": ["Cache-Control: no-store"], "/short": ["Cache-Control: max-age=1"],
            "/all": ["Cache-Control: max-age=60"],
        ]
        let script: ScriptedUpstream.Script = { request, connection in
            connection.answer(request.target == "/404" ? 404 : 200, fields[request.target] ?? [], [1, 2, 3])
        }
        try await withEdges([1, 2], script) { (edges, upstream) throws in
            try await onThread { () throws in
                for target in fields.keys.sorted().reversed() + ["/404", "/all"] { _ = try edges.get(1, target) }
                #expect(try holdsAtLast { try edges.has(2, "/all") })
                for target in ["/vary", "/private", "/none", "/short", "/404"] {
                    #expect(Self.stored(edges[2], upstream, target) == nil, "\(target)")
                }
            }
        }
    }

    /// What a follower has of a newer version than its leader is never replaced by the leader's.
    @Test func nothingOlderIsTaken() async throws {
        let script: ScriptedUpstream.Script = { request, connection in
            if request.target == "/v1/events" { return connection.answer(404) }
            connection.answer(
                200, ["Cache-Control: max-age=3600", "X-Muster-Version: 5"], Array(request.target.utf8))
        }
        try await withEdges([1, 2], script) { (edges, upstream) throws in
            try await onThread { () throws in
                edges[1].cache.floors.raise(1, to: 6)
                let position = OriginPosition(origin: "o", version: 6)
                for id in [1, 2] { edges[id].cache.origin.keep(position) }
                _ = try edges.get(2, "/images/1")
                _ = try edges.get(2, "/images/2")
                #expect(try holdsAtLast { try edges.has(1, "/images/2") })
                #expect(holdsAtLast { edges[1].peers.replication.isThrough })
                #expect(try !edges.has(1, "/images/1"))
            }
        }
    }

    /// The leader behind, or after another history of versions: its copies wait until it has caught up.
    @Test(arguments: ["6 o", "900 other", "none"]) func aLeaderBehindTheOriginGivesNothing(_ place: String) async throws
    {
        let script: ScriptedUpstream.Script = { request, connection in
            if request.target == "/v1/events" { return connection.answer(404) }
            connection.answer(
                200, ["Cache-Control: max-age=3600", "X-Muster-Version: 5"], Array(request.target.utf8))
        }
        try await withEdges([1, 2], script) { (edges, upstream) throws in
            try await onThread { () throws in
                edges[1].cache.origin.keep(OriginPosition(origin: "o", version: 7))
                if let position = OriginPosition(place) { edges[2].cache.origin.keep(position) }
                _ = try edges.get(2, "/images/2")
                _ = try edges.get(2, "/plain")
                #expect(holdsAtLast { edges[1].peers.replication.pulls.load(ordering: .relaxed) > 2 })
                #expect(Self.stored(edges[1], upstream, "/images/2") == nil)
                edges[2].cache.origin.keep(OriginPosition(origin: "o", version: 7))
                #expect(holdsAtLast { Self.stored(edges[1], upstream, "/images/2") != nil })
            }
        }
    }

    /// A purge that only a follower knows of: its leader hears of it.
    @Test func aLeaderThatMissedAPurgeIsTold() async throws {
        try await withEdges([1, 2]) { (edges, upstream) throws in
            try await onThread { for id in [1, 2] { _ = try edges.get(id, "/a") } }
            let purge = Purge(term: edges.term(1), number: 7, pattern: .all)
            _ = try await edges[1].peers.purges.obey([purge], forgotten: nil)
            try await onThread {
                // The two tell each other.
                #expect(holdsAtLast { edges[2].peers.purges.known.purges == [purge] })
                #expect(edges.all.allSatisfy { $0.cache.store.statistics.objects == 0 })
            }
        }
    }

    /// While edges fetch, tell each other and pull, one image is changed upstream and purged: whatever was fetched before the
    /// purge is served by nobody after it was confirmed.
    @Test func purgesRacePulls() async throws {
        let version = Counter()
        _ = version.next()
        let script: ScriptedUpstream.Script = { request, connection in
            connection.answer(200, ["Cache-Control: max-age=3600"], Array("\(version.value)".utf8))
        }
        try await withEdges([1, 2, 3], script) { (edges, _) throws in
            try await onThread { () throws in
                for round in 0..<40 {
                    let oldest = version.next()
                    let readers = (1...3).map { id in RawClient(port: edges[id].port) }
                    for reader in readers { reader.begin("GET", "/images/1") }
                    let purge = try edges.purge(round % 3 + 1, "{\"id\":1}")
                    #expect(purge.status == 200, "\(purge.text)")
                    for reader in readers { _ = reader.response() }
                    for id in 1...3 {
                        let seen = try edges.get(id, "/images/1")
                        #expect(Int(seen.text).map { $0 >= oldest } == true, "\(seen.text) after \(oldest)")
                    }
                }
            }
        }
    }

    @Test func manyMissesAreFetchedAFewAtATime() async throws {
        let now = Peak()
        let script: ScriptedUpstream.Script = { request, connection in
            now.begin()
            connection.answer(200, ["Cache-Control: max-age=3600"], [1])
            now.end()
        }
        try await withEdges([1, 2], script) { (edges, upstream) throws in
            try await onThread { () throws in
                let copies = (0..<600).map { Copy(target: "/images/\($0)", version: nil) }
                let body = String(decoding: EdgeCopies(copies).body, as: UTF8.self)
                let answer = try edges.ask(2, "POST", "/v1/edge/filled", body)
                #expect(answer.status == 204, "\(answer.text)")
                #expect(holdsAtLast { edges[1].cache.store.statistics.objects == 600 })
                #expect(edges[2].cache.store.statistics.objects == 600)
                #expect(now.peak <= 16)
                #expect(upstream.seen.count == 600)
            }
        }
    }

    /// An edge that is not there when others fetch has it all when it comes back, out of the leader's cache.
    @Test func whoeverWasAwayCatchesUp() async throws {
        try await withEdges([1, 2]) { (edges, upstream) throws in
            try await edges.stop(1)
            try await onThread { () throws in
                for number in 0..<100 { _ = try edges.get(2, "/images/\(number)") }
                try edges.start(1)
                #expect(holdsAtLast { edges[1].cache.store.statistics.objects == 100 })
                #expect(upstream.seen.count == 100)
            }
        }
    }

    /// What a leader did not hear of any more, the next one does.
    @Test func theNextLeaderIsTold() async throws {
        try await withEdges([1, 2, 3]) { (edges, upstream) throws in
            try await edges.stop(3)
            try await onThread { () throws in
                for number in 0..<20 { _ = try edges.get(1, "/images/\(number)") }
                #expect(holdsAtLast { edges[2].cache.store.statistics.objects == 20 })
            }
        }
    }
}
