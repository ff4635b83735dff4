import MusterAPI
import MusterElection
import MusterServerKit
import MusterSystem
import MusterWire
import Synchronization
import Testing

@testable import MusterEdgePeers

/// One edge's part in replication, over a scripted cache and another edge that is a script.
@Suite(.timeLimit(.minutes(2))) struct ReplicationTests {
    private struct Parts {
        let bench = Bench()
        let cache = ScriptedCache()
        let purges: PurgeKeeper
        let touch: TouchKeeper
        let replication: Replication
        private let warmer: Warmer

        init(isInTouch: Bool = true) throws {
            purges = try bench.purges { [cache] in await cache.purge($0) }
            touch = TouchKeeper(Touch(isInTouch: isInTouch), purges, bench.peerClient, lateTime: .seconds(1))
            warmer = Warmer(cache)
            replication = Replication(cache, touch, purges, warmer, bench.peerClient, own: one)
        }

        /// Edge 2 is at `url`, and alive.
        func lead(_ leader: EdgeID?, _ url: String) { replication.leaderChanged(Self.standing(leader, url)) }

        static func standing(_ leader: EdgeID?, _ url: String) -> Standing {
            var standing = Standing(own: one, leader: leader, term: term(leader ?? two))
            (standing.places, standing.live) = ([two: url], [two])
            return standing
        }
    }

    private static func agreeable() -> ScriptedPeer { ScriptedPeer { _ in (204, []) } }

    @Test func aFollowerTellsItsLeader() async throws {
        let (parts, peer) = (try Parts(), Self.agreeable())
        parts.lead(nil, peer.url)
        parts.replication.filled(Copy(target: "/a", version: 3))
        #expect(peer.server.seen.isEmpty)
        parts.lead(two, peer.url)
        parts.replication.tell()
        try await onThread { #expect(holdsAtLast { !peer.bodies("/v1/edge/filled").isEmpty }) }
        let news = try EdgeCopies(body: peer.bodies("/v1/edge/filled")[0])
        #expect(news.copies == [Copy(target: "/a", version: 3)])
        #expect(peer.server.seen[0]["authorization"] == "Bearer t")
    }

    @Test func aLeaderThatDoesNotListenIsToldAgain() async throws {
        let count = Counter()
        let peer = ScriptedPeer { _ in (count.next() == 1 ? 409 : 204, []) }
        let parts = try Parts()
        parts.lead(two, peer.url)
        parts.replication.filled(Copy(target: "/a", version: nil))
        try await onThread {
            #expect(
                holdsAtLast {
                    parts.replication.tell()
                    return peer.bodies("/v1/edge/filled").count == 2
                })
        }
        #expect(try EdgeCopies(body: peer.bodies("/v1/edge/filled")[1]).copies == copies("/a"))
    }

    @Test func aLeaderOrdersAllThatLive() async throws {
        let (parts, peer) = (try Parts(), Self.agreeable())
        parts.lead(one, peer.url)
        parts.replication.filled(Copy(target: "/a", version: nil))
        try await onThread { #expect(holdsAtLast { !peer.bodies("/v1/edge/orders").isEmpty }) }
        let order = try EdgeOrder(body: peer.bodies("/v1/edge/orders")[0])
        #expect(order == EdgeOrder(leader: one, term: term(one), pull: copies("/a")))
    }

    /// An order that did not reach it: it has all when it is heard again.
    @Test func whoMissedAnOrderIsToldAll() async throws {
        let count = Counter()
        let peer = ScriptedPeer { _ in (count.next() == 1 ? 500 : 204, []) }
        let parts = try Parts()
        parts.lead(one, peer.url)
        parts.cache.change { $0.held = ["/a": Copy(target: "/a", version: nil), "/b": Copy(target: "/b", version: 2)] }
        parts.replication.filled(Copy(target: "/a", version: nil))
        let all = copies("/a") + [Copy(target: "/b", version: 2)]
        try await onThread {
            #expect(
                holdsAtLast {
                    parts.replication.makeUp(for: two)
                    return peer.bodies("/v1/edge/orders").contains { (try? EdgeOrder(body: $0))?.pull == all }
                })
        }
        #expect(try EdgeOrder(body: peer.bodies("/v1/edge/orders")[0]).pull == copies("/a"))
    }

    /// Out of touch it may not give away what it holds.
    @Test func ordersWaitUntilItIsInTouch() async throws {
        let (parts, peer) = (try Parts(isInTouch: false), Self.agreeable())
        parts.lead(one, peer.url)
        parts.replication.filled(Copy(target: "/a", version: nil))
        parts.replication.goOn(again: true)
        #expect(peer.server.seen.isEmpty)
        let standing = Standing(own: one, leader: one, term: term(one))
        try await onThread {
            #expect(holdsAtLast { if case .again = parts.touch.look(standing, onChange: {}) { true } else { false } })
            parts.replication.goOn(again: true)
            #expect(holdsAtLast { !peer.bodies("/v1/edge/orders").isEmpty })
        }
    }

    @Test func whatFollowersHaveIsFetchedOrSpread() throws {
        let (parts, peer) = (try Parts(), Self.agreeable())
        parts.lead(one, peer.url)
        parts.cache.change { $0.held = ["/old": Copy(target: "/old", version: 1)] }
        _ = try parts.replication.receive(
            EdgeCopies([Copy(target: "/old", version: 2), Copy(target: "/new", version: nil)]))
        #expect(parts.cache.warming == ["/old", "/new"])
        parts.lead(two, peer.url)
        let problem = #expect(throws: Problem.self) { _ = try parts.replication.receive(EdgeCopies(copies("/x"))) }
        #expect(problem?.status == 409)
    }

    // MARK: As a follower

    @Test func itPullsAFewAtATimeFromItsLeader() throws {
        let (parts, peer) = (try Parts(), Self.agreeable())
        parts.lead(two, peer.url)
        parts.touch.heard(parts.purges.digest, from: two)
        parts.cache.change { $0.held = ["/1": Copy(target: "/1", version: nil)] }
        let order = EdgeOrder(leader: two, term: term(two), pull: copies("/0", "/1", "/2", "/3", "/4", "/5"))
        _ = try parts.replication.receive(order)
        #expect(parts.cache.taking == ["/0", "/2", "/3", "/4"])
        #expect(parts.cache.givers == [peer.url])
        parts.cache.endTaking()
        #expect(parts.cache.taking == ["/5"] && !parts.replication.isThrough)
        parts.cache.endTaking()
        #expect(parts.replication.isThrough)
        #expect(parts.replication.pulls.load(ordering: .relaxed) == 5)
    }

    /// The roster tells of a new leader in two steps; an order may come between them.
    @Test func theFirstOrderOfANewLeaderStays() throws {
        let (parts, peer) = (try Parts(), Self.agreeable())
        let standing = Parts.standing(two, peer.url)
        parts.replication.changed(standing)
        _ = try parts.replication.receive(EdgeOrder(leader: two, term: term(two), pull: copies("/a")))
        parts.replication.leaderChanged(standing)
        parts.touch.heard(parts.purges.digest, from: two)
        parts.replication.goOn(again: false)
        #expect(parts.cache.taking == ["/a"])
    }

    /// It may have what was purged here.
    @Test func aLeaderThatMissedAPurgeGivesNothing() async throws {
        let (parts, peer) = (try Parts(), Self.agreeable())
        parts.lead(two, peer.url)
        parts.touch.heard(parts.purges.digest, from: two)
        _ = try await parts.purges.obey([Purge(term: term(two), number: 7, pattern: .all)], forgotten: nil)
        _ = try parts.replication.receive(EdgeOrder(leader: two, term: term(two), pull: copies("/a")))
        #expect(parts.cache.taking.isEmpty)
        parts.touch.heard(parts.purges.digest, from: two)
        parts.replication.goOn(again: false)
        #expect(parts.cache.taking == ["/a"])
    }

    @Test func whatComesTooEarlyIsPulledAgain() throws {
        let (parts, peer) = (try Parts(), Self.agreeable())
        parts.lead(two, peer.url)
        parts.touch.heard(parts.purges.digest, from: two)
        _ = try parts.replication.receive(EdgeOrder(leader: two, term: term(two), pull: copies("/a")))
        for round in 1...100 {
            #expect(parts.cache.taking == ["/a"])
            parts.cache.endTaking(isEarly: true)
            #expect(parts.cache.taking.isEmpty)
            parts.replication.goOn(again: false)
            #expect(parts.cache.taking.isEmpty == (round == 100))
        }
    }

    @Test func ordersOfOthersAreRefused() throws {
        let (parts, peer) = (try Parts(), Self.agreeable())
        parts.lead(two, peer.url)
        let purge = Purge(term: term(two), number: 1, pattern: .all)
        for order in [
            EdgeOrder(leader: three, term: term(three), purge: purge), EdgeOrder(leader: two, term: term(two, 2)),
            EdgeOrder(leader: two, term: .zero, pull: copies("/a")),
        ] {
            let problem = #expect(throws: Problem.self) { _ = try parts.replication.receive(order) }
            #expect(problem?.status == 409 && problem?.detail.contains("\(term(two))") == true)
        }
        #expect(parts.cache.purged.isEmpty && parts.cache.taking.isEmpty)
    }

    @Test func itCatchesUpUnlessItIsHalfFull() async throws {
        let parts = try Parts()
        let peer = ScriptedPeer { _ in (200, EdgeCopies(copies("/a", "/b")).body) }
        parts.lead(two, peer.url)
        parts.touch.heard(parts.purges.digest, from: two)
        parts.cache.change { $0.isFull = true }
        await parts.replication.catchUp(from: peer.url, two)
        #expect(parts.cache.taking.isEmpty)
        parts.cache.change { $0.isFull = false }
        await parts.replication.catchUp(from: peer.url, two)
        #expect(parts.cache.taking == ["/a", "/b"])
    }
}
