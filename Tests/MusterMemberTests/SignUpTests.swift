import MusterServerKit
import MusterWire
import Synchronization
import Testing

@testable import MusterMember
@testable import MusterRole

/// Whoever signs up at an address where somebody else answers for a while.
@Suite(.timeLimit(.minutes(3))) struct SignUpTests {
    /// What an ingress without a backend, a proxy's page, or some other service answers.
    static let strangers: [(Int, [String], String)] = [
        (404, ["Content-Type: text/plain"], "default backend - 404"), (403, [], ""), (401, [], "<html>"),
        (400, [], ""), (405, [], "{}"), (422, ["Content-Type: application/json"], "{\"error\":\"no\"}"),
        (404, ["Content-Type: application/problem+json"], "{\"type\":\"about:blank\",\"status\":404}"),
        (200, [], "hello"),
    ]

    static let refusals: [(Int, String)] = [(401, "token"), (403, "rights"), (422, "field")]

    private static func problem(_ code: String) -> [UInt8] {
        Array("{\"type\":\"/problems/\(code)\",\"title\":\"x\",\"status\":401,\"detail\":\"No.\"}".utf8)
    }

    private static func member(_ upstream: ScriptedUpstream, _ onNews: @escaping @Sendable (FleetMember.News) -> Void)
        -> FleetMember
    {
        FleetMember(.init(coordinatorURL: upstream.url, token: "x", name: "a", version: "test"), onNews: onNews)
    }

    @Test(arguments: strangers.indices) func aStrangerRefusesNobody(_ index: Int) async throws {
        let (status, fields, body) = Self.strangers[index]
        let upstream = ScriptedUpstream { $1.answer(status, fields, Array(body.utf8)) }
        let away = Counter()
        let member = Self.member(upstream) { if case .away = $0 { _ = away.next() } }
        let running = Task { try await member.run() }
        try await onThread { #expect(holdsAtLast { upstream.seen.count >= 3 }) }
        running.cancel()
        upstream.stop()
        try await running.value
        #expect(away.next() > 2)
    }

    @Test(arguments: refusals) func theCoordinatorsOwnWordIsFinal(_ status: Int, _ code: String) async throws {
        let upstream = ScriptedUpstream { $1.answer(status, [], Self.problem(code)) }
        let error = await #expect(throws: NodeError.self) { try await Self.member(upstream) { _ in }.run() }
        #expect(error?.code == .refused)
        #expect(upstream.seen.count == 1)
        upstream.stop()
    }

    /// The coordinator's data are new: whoever it does not know joins as somebody new.
    @Test func anIdentityOfAnotherCoordinators() async throws {
        let count = Counter()
        let upstream = ScriptedUpstream { request, connection in
            guard request.target == "/v1/members" else { return connection.answer(401, [], Self.problem("stranger")) }
            if count.next() == 2 { return connection.answer(403, [], Self.problem("identity")) }
            connection.answer(
                201, [], Array("{\"id\":\"m7\",\"secret\":\"s\",\"name\":\"a\",\"rank\":0}".utf8))
        }
        let running = Task { try await Self.member(upstream) { _ in }.run() }
        try await onThread { #expect(holdsAtLast { upstream.seen("/v1/members").count >= 3 }) }
        running.cancel()
        upstream.stop()
        try? await running.value
        let asked = upstream.seen("/v1/members").map { String(decoding: $0.body, as: UTF8.self) }
        #expect(!asked[2].contains("\"secret\""), "\(asked[2])")
    }
}
