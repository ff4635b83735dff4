import MusterAPI
import Synchronization
import Testing

@testable import MusterNode

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

    @Test func aChildGoesOnAsking() async throws {
        let count = Counter()
        let upstream = ScriptedUpstream { request, connection in
            if request.target == "/progress" { return connection.answer(404) }
            if count.next() < 3 { return connection.answer(404, [], Array("default backend - 404".utf8)) }
            connection.answer(403, [], Self.problem("rights"))
        }
        let child = Child(
            .init(coordinatorURL: upstream.url, identity: .byHand(token: "x"), numbers: 1, range: 10))
        let error = await #expect(throws: NodeError.self) { try await child.run() }
        #expect(error?.code == .refused)
        #expect(upstream.seen("/v1/children/self").count == 3)
        upstream.stop()
    }

    @Test func aWorkersCallsAreJudgedByTheirType() {
        func failure(_ status: Int?, _ type: String) -> CallFailure {
            CallFailure(status: status, problemType: type, reason: "", retryAfter: nil)
        }
        for code in ["token", "rights", "field", "size"] { #expect(failure(403, "/problems/\(code)").isFinal) }
        for type in ["", "about:blank", "/problems/stranger", "https://example.org/problems/token"] {
            #expect(!failure(404, type).isFinal, "\(type)")
        }
        #expect(!failure(503, "/problems/store").isFinal && !failure(nil, "").isFinal)
        #expect(failure(nil, "").isNobodys && failure(404, "").isNobodys && !failure(404, "about:blank").isNobodys)
    }

    /// An edge that is to be listed and is not says so where it is looked at, and serves.
    @Test func unlisted() async throws {
        let change: @Sendable (inout EdgeConfiguration) -> Void = { $0.isListed = true }
        try await withEdge(configured: change, plainUpstream) { (edge) throws in
            func metric() throws -> Bool {
                let page = try #require(edge.client().ask("GET", "/metrics", token: "admin")).text
                return page.contains("\nmuster_unlisted 1\n")
            }
            #expect(try edge.get("/readyz").text.contains("\"unlisted\""))
            #expect(try metric())
            #expect(try edge.get("/a").status == 200)
            edge.edge.listing.listed(true)
            #expect(try edge.get("/readyz").text.contains("\"ready\""))
            #expect(try !metric())
        }
        try await withEdge(plainUpstream) { (edge) throws in
            #expect(try edge.get("/readyz").text.contains("\"ready\""))
        }
    }
}
