import MusterAPI
import MusterCore
import MusterElection
import MusterServerKit
import MusterSystem
import MusterWire
import Testing

@testable import MusterEdgePeers

@Suite(.timeLimit(.minutes(2))) struct TouchKeeperTests {
    private static let purge = Purge(term: term(two), number: 1, pattern: .all)

    private static func following(_ url: String) -> Standing {
        var standing = Standing(own: one, leader: two, term: term(two))
        (standing.places, standing.live) = ([two: url], [two])
        return standing
    }

    /// What its leader purged while it was away is done here before anything is served.
    @Test func whoWasAwayAsksItsLeader() async throws {
        let bench = Bench()
        let cache = ScriptedCache()
        let purges = try bench.purges { await cache.purge($0) }
        let touch = Touch(isInTouch: false)
        let keeper = TouchKeeper(touch, purges, bench.peerClient, lateTime: .seconds(60))
        let theirs = PurgeLog([Self.purge], forgotten: nil)
        let peer = ScriptedPeer { _ in (200, EdgePurges(theirs).body) }
        let standing = Self.following(peer.url)
        keeper.ticked(standing, SystemTime.now(), isLate: false)
        guard case .open = keeper.look(standing, onChange: {}) else { return #expect(Bool(false), "nothing was told") }
        #expect(peer.server.seen.isEmpty)
        keeper.heard(theirs.digest, from: two)
        let told = Latch()
        guard case .open = keeper.look(standing, onChange: { told.open() }) else { return #expect(Bool(false)) }
        try await onThread { #expect(told.wait()) }
        #expect(cache.purged == [.all] && !touch.mayVouch)
        guard case .again = keeper.look(standing, onChange: {}) else { return #expect(Bool(false), "not in touch") }
        #expect(touch.mayVouch)
        guard case .inTouch = keeper.look(standing, onChange: {}) else { return #expect(Bool(false)) }
    }

    @Test func aFrozenOneAsksThoughDigestsAreTheSame() async throws {
        let bench = Bench()
        let purges = try bench.purges()
        let touch = Touch(isInTouch: true)
        let keeper = TouchKeeper(touch, purges, bench.peerClient, lateTime: .seconds(60))
        let peer = ScriptedPeer { _ in (200, EdgePurges(PurgeLog()).body) }
        let standing = Self.following(peer.url)
        keeper.ticked(standing, SystemTime.now(), isLate: true)
        #expect(!touch.mayVouch)
        keeper.heard(purges.digest, from: two)
        let told = Latch()
        guard case .open = keeper.look(standing, onChange: { told.open() }) else { return #expect(Bool(false)) }
        try await onThread { #expect(told.wait()) }
        #expect(peer.bodies("/v1/edge/purges").count == 1)
        guard case .again = keeper.look(standing, onChange: {}) else { return #expect(Bool(false)) }
    }

    @Test func alone() throws {
        let bench = Bench()
        let touch = Touch(isInTouch: true)
        let keeper = TouchKeeper(touch, try bench.purges(), bench.peerClient, lateTime: .seconds(1))
        let nobody = Standing(own: one)
        keeper.ticked(nobody, .zero, isLate: true)
        // Nobody can have purged anything meanwhile, and no tick comes too late.
        #expect(touch.mayVouch)
        keeper.ticked(Self.following("http://127.0.0.1:1"), .zero, isLate: false)
        #expect(!touch.mayVouch)
    }

    @Test func onlyWhileTheyAgree() throws {
        let bench = Bench()
        let purges = try bench.purges()
        let keeper = TouchKeeper(Touch(isInTouch: true), purges, bench.peerClient, lateTime: .seconds(1))
        func runs() -> Bool {
            var didRun = false
            keeper.whileAgreed(with: two) { didRun = true }
            return didRun
        }
        #expect(!runs())
        keeper.heard(purges.digest &+ 1, from: two)
        #expect(!runs())
        keeper.heard(purges.digest, from: two)
        #expect(runs())
        keeper.forgot(two)
        #expect(!runs())
    }
}
