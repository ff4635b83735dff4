import MusterAPI
import MusterCache
import MusterCore
import MusterElection
import MusterRoutes
import MusterServerKit
import MusterWire
import Synchronization
import Testing

@testable import MusterEdge
@testable import MusterEdgePeers

/// What edges say to each other, right and wrong.
@Suite(.timeLimit(.minutes(3))) struct EdgePeerTests {
    private static let routes: [(String, String)] = EdgeRoutes.all.compactMap { route in
        route.pattern.hasPrefix("/v1/edge/") ? (route.method, route.pattern) : nil
    }

    @Test func onlyWithAToken() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            #expect(Self.routes.count == 6)
            for (method, path) in Self.routes {
                for token in [nil, "wrong", ""] {
                    let body: [UInt8]? = method == "POST" ? Array("{}".utf8) : nil
                    let response = try #require(edge.client().ask(method, path, token: token, body: body))
                    #expect(response.status == 401, "\(path)")
                }
            }
        }
    }

    @Test(arguments: ["/v1/edge/messages", "/v1/edge/orders", "/v1/edge/filled", "/v1/edge/purges"])
    func badBodies(_ path: String) async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            for (body, statuses) in [
                ("", 400...422), ("[", 400...400), ("nonsense", 400...400), ("[]", 422...422), ("{\"x\":1}", 422...422),
                ("1", 422...422), (String(repeating: "[", count: 10_000), 400...422),
            ] {
                let response = try #require(edge.client().ask("POST", path, token: "admin", body: Array(body.utf8)))
                #expect(statuses.contains(response.status), "\(path) \(body.prefix(20)): \(response.text)")
                #expect(response["content-type"] == "application/problem+json")
            }
            let unknown = try #require(edge.client().ask("POST", path + "?x=1", token: "admin", body: []))
            #expect(unknown.status == 422)
        }
    }

    /// Messages of another with this edge's id: the one that began later has to go.
    @Test(arguments: [(false, "same-id"), (true, "yields")]) func oneIDTwice(_ isOlder: Bool, _ code: String)
        async throws
    {
        try await withEdge(plainUpstream) { (edge) throws in
            let other = EdgeIdentity(
                id: EdgeID(1)!, instance: "other", startedMs: isOlder ? 1 : Int.max / 2, url: "http://127.0.0.1:1")
            let body = EdgeMessages(sender: other, digest: 0, messages: [], edges: [:]).body
            let response = try #require(edge.client().ask("POST", "/v1/edge/messages", token: "admin", body: body))
            #expect(response.status == 409)
            #expect(response.text.contains("/problems/\(code)"))
            #expect(response.text.contains("--id") && response.text.contains("http://127.0.0.1:1"))
            #expect(try edge.get("/a").status == 200)
        }
    }

    /// Taken away for good, it leaves the others' lists, the leader's and the followers'.
    @Test func whoIsTakenAwayIsForgotten() async throws {
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.absence = .milliseconds(500) }
        try await withEdges([1, 2, 3], configured: change) { edges, _ in
            // It leads: the others elect, and forget it; as a follower the leader alone would hear that it is gone.
            for id in [3, 1] {
                try await edges.stop(id)
                try await onThread { () throws in
                    for left in edges.all {
                        #expect(holdsAtLast { left.peers.standing.places[EdgeID(id)!] == nil })
                    }
                    edges.await(leader: 2)
                    let status = try edges.get(2, "/v1/edge").text
                    #expect(!status.contains("\"id\":\(id)"), "\(status)")
                }
            }
            // It comes back.
            try edges.start(3)
            try await onThread { edges.await(leader: 3) }
        }
    }

    @Test func itselfIsNobody() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            let own = edge.edge.peers.roster.state.withLock { $0.own }
            let body = EdgeMessages(sender: own, digest: 0, messages: [], edges: [:]).body
            let response = try #require(edge.client().ask("POST", "/v1/edge/messages", token: "admin", body: body))
            #expect(response.status == 200)
            #expect(edge.edge.peers.standing.places.isEmpty)
        }
    }

    @Test func ordersOfOthersAreRefused() async throws {
        try await withEdges([1, 2]) { (edges, upstream) throws in
            try await onThread { () throws in
                let term = edges.term(1)
                let purge = { Purge(term: $0, number: 9, pattern: .all) }
                _ = try edges.get(1, "/a")
                for order in [
                    EdgeOrder(leader: EdgeID(2)!, term: .zero),
                    EdgeOrder(leader: EdgeID(2)!, term: .zero, purge: purge(.zero)),
                    EdgeOrder(leader: EdgeID(3)!, term: term.next(for: EdgeID(3)!)!, purge: purge(term)),
                    EdgeOrder(leader: EdgeID(1)!, term: term, purge: purge(term)),
                ] {
                    let response = try edges.ask(
                        1, "POST", "/v1/edge/orders", String(decoding: order.body, as: UTF8.self))
                    #expect(response.status == 409, "\(order)")
                    #expect(response.text.contains("\(term)"))
                }
                #expect(try edges.has(1, "/a"))
                let copies = String(decoding: EdgeCopies([Copy(target: "/a", version: nil)]).body, as: UTF8.self)
                #expect(try edges.ask(1, "POST", "/v1/edge/filled", copies).status == 409)
            }
        }
    }

    @Test func copiesThatAreNotThere() async throws {
        try await withEdge(plainUpstream) { (edge) throws in
            _ = try edge.get("/a")
            for (query, status) in [
                ("", 404), ("?target=/b", 404), ("?target=/a&x=1", 422), ("?target=", 404), ("?target=/a", 200),
            ] {
                let response = try #require(edge.client().ask("GET", "/v1/edge/copy" + query, token: "admin"))
                #expect(response.status == status, "\(query)")
            }
        }
    }

    // MARK: Purges

    @Test func aFollowerHasTheLeaderPurge() async throws {
        try await withEdges([1, 2, 3]) { (edges, _) throws in
            try await onThread { () throws in
                for id in 1...3 { _ = try edges.get(id, "/images/1") }
                let response = try edges.purge(1, "{\"id\":1}")
                #expect(response.status == 200)
                #expect(response.text == #"{"purged":3,"confirmed":[1,2,3],"missing":[]}"#)
                for id in 1...3 { #expect(try !edges.has(id, "/images/1")) }
            }
            try await edges.stop(2)
            try await onThread { () throws in
                let response = try edges.purge(1, "{\"all\":true}")
                #expect(response.status == 202)
                #expect(response.text.contains(#""confirmed":[1,3],"missing":[2]"#), "\(response.text)")
            }
        }
    }

    @Test func nobodyLeads() async throws {
        // It never comes to its first election.
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.heartbeat = .seconds(3_600) }
        try await withEdge(configured: change, plainUpstream) { (edge) throws in
            let response = try #require(
                edge.client().ask("POST", "/v1/purge", token: "admin", body: Array("{\"all\":true}".utf8)))
            #expect(response.status == 503)
            #expect(response["retry-after"] != nil)
            #expect(response.text.contains("No edge leads"))
        }
    }

    /// Purged while it was away, with its disk: it is not served, whatever is asked for, before it was told.
    @Test func whoeverWasAwayForgetsBeforeItServes() async throws {
        try await withEdges([1, 2]) { (edges, upstream) throws in
            try await onThread { () throws in
                for id in [1, 2] { _ = try edges.get(id, "/images/1") }
                #expect(
                    holdsAtLast { edges[1].cache.store.statistics.diskBytes > 0 && !edges[1].cache.flights.areUnderWay }
                )
            }
            try await edges.stop(1)
            try await onThread { () throws in
                #expect(try edges.purge(2, "{\"id\":1}").status == 202)
                upstream.stop()
                try edges.start(1)
                for _ in 0..<200 {
                    for fields in ["max-stale", "only-if-cached", "only-if-cached, max-stale=99"] {
                        let response = try edges.ask(
                            1, "GET", "/images/1", token: nil, nil, [("Cache-Control", fields)])
                        #expect(response.status >= 500, "\(response.status) \(response["cache-status"] ?? "")")
                    }
                }
                edges.await(leader: 2)
                #expect(edges[1].cache.store.statistics.objects == 0)
            }
        }
    }

    /// Frozen, it does not know that it was: neither the clock nor what was told before vouches for what it has.
    @Test func aPauseIsNoticedBeforeTheFirstTick() async throws {
        try await withEdges([1, 2]) { (edges, _) throws in
            try await onThread { () throws in
                _ = try edges.get(1, "/a")
                #expect(try edges.has(1, "/a"))
                edges[1].touch.vouch(until: .zero)
                #expect(!edges[1].touch.mayVouch)
                #expect(holdsAtLast { edges[1].touch.mayVouch })
                #expect(try edges.has(1, "/a"))
            }
        }
    }
}
