import MusterAPI
import MusterCore
import MusterElection
import MusterRole
import MusterServerKit
import MusterSystem
import MusterWire
import Synchronization
import Testing

@testable import MusterEdgePeers

/// The roster alone: its audience is a script, and so is the other edge.
@Suite(.timeLimit(.minutes(2))) struct RosterTests {
    private final class Audience: RosterAudience {
        struct State {
            var standings: [Standing] = []
            var leaders: [EdgeID?] = []
            var digests: [EdgeID: UInt64] = [:]
            var forgotten: [EdgeID] = []
        }
        private let state = Mutex(State())
        var seen: State { state.withLock { $0 } }

        let digest: UInt64 = 42
        func ticked(_ standing: Standing, _ now: Moment, isLate: Bool) {}
        func changed(_ standing: Standing) { state.withLock { $0.standings.append(standing) } }
        func leaderChanged(_ standing: Standing) { state.withLock { $0.leaders.append(standing.leader) } }
        func heard(_ digest: UInt64, from id: EdgeID) { state.withLock { $0.digests[id] = digest } }
        func acknowledged(by id: EdgeID) {}
        func forgot(_ id: EdgeID) { state.withLock { $0.forgotten.append(id) } }
        func settled(_ standing: Standing, again: @escaping @Sendable () -> Void) {}
        func tell() {}
        func catchUp(from url: String, _ leader: EdgeID) async {}
    }

    private struct Parts {
        let bench = Bench()
        let audience = Audience()
        let roster: Roster
        let failures = Failures()

        init(_ configured: [String] = []) throws {
            roster = try Roster(
                bench.settings(configured),
                own: EdgeIdentity(id: one, instance: "here", startedMs: 5, url: "http://127.0.0.1:9"), bench.peerClient,
                files: RosterFiles(directory: bench.folder, threads: bench.threads), audience: audience,
                double: DoubledID { [failures] in failures.add($0) }, announce: { _ in })
        }

        /// As its clock does, until it holds.
        func tick(until isDone: () -> Bool) -> Bool {
            let began = SystemTime.now()
            var last = began
            return holdsAtLast {
                let now = SystemTime.now()
                roster.tick(now, after: last, began: began)
                last = now
                return isDone()
            }
        }
    }

    private final class Failures: Sendable {
        private let errors = Mutex<[String]>([])
        func add(_ error: NodeError) { errors.withLock { $0.append(error.message) } }
        var all: [String] { errors.withLock { $0 } }
    }

    private static func answer(_ id: EdgeID, _ instance: String, startedMs: Int = 1) -> [UInt8] {
        let sender = EdgeIdentity(id: id, instance: instance, startedMs: startedMs, url: "http://127.0.0.1:8")
        return EdgeMessages(sender: sender, digest: 7, messages: [], edges: [:]).body
    }

    @Test func aloneItLeads() async throws {
        let parts = try Parts()
        #expect(parts.audience.seen.standings == [Standing(own: one)])
        try await onThread { #expect(parts.tick { parts.roster.standing.isLeader }) }
        #expect(parts.audience.seen.leaders == [one])
        #expect(parts.audience.seen.standings.last == parts.roster.standing)
        parts.roster.stop()
        // Its term was on the disk before: another process goes on from there.
        let files = RosterFiles(directory: parts.bench.folder, threads: parts.bench.threads)
        #expect(try files.storedTerm() == parts.roster.standing.term)
    }

    @Test func itAsksWhoIsThere() async throws {
        let peer = ScriptedPeer { _ in (200, Self.answer(two, "there")) }
        let parts = try Parts([peer.url + "/"])
        try await onThread { #expect(parts.tick { parts.roster.standing.places == [two: peer.url] }) }
        #expect(parts.audience.seen.digests == [two: 7])
        let asked = try EdgeMessages(body: peer.bodies("/v1/edge/messages")[0])
        #expect(asked.digest == 42 && asked.sender.id == one)
        try await onThread { #expect(holdsAtLast { (try? RosterFiles.hasMet(in: parts.bench.folder)) == true }) }
        parts.roster.stop()
    }

    /// At its own URL it finds itself, and asks there no more.
    @Test func itselfIsNobody() async throws {
        let peer = ScriptedPeer { _ in (200, Self.answer(one, "here")) }
        let parts = try Parts([peer.url])
        try await onThread {
            #expect(parts.tick { parts.roster.standing.isLeader && !peer.bodies("/v1/edge/messages").isEmpty })
        }
        #expect(parts.roster.standing.places.isEmpty && parts.failures.all.isEmpty)
        #expect(peer.bodies("/v1/edge/messages").count == 1)
        parts.roster.stop()
    }

    /// Another has this one's id, and began before.
    @Test func itYieldsToAnOlderOneOfItsID() async throws {
        let peer = ScriptedPeer { _ in (200, Self.answer(one, "there", startedMs: 1)) }
        let parts = try Parts([peer.url])
        try await onThread { #expect(parts.tick { !parts.failures.all.isEmpty }) }
        #expect(parts.failures.all[0].contains("each edge needs an --id of its own"))
        parts.roster.stop()
    }

    @Test func aTermThatIsNoneIsNamed() throws {
        let bench = Bench()
        try writePrivately("seven", to: bench.folder + "/term")
        let files = RosterFiles(directory: bench.folder, threads: bench.threads)
        let error = #expect(throws: NodeError.self) { _ = try files.storedTerm() }
        #expect(error?.message.contains("\"seven\"") == true)
    }
}
