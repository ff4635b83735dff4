import MusterServerKit
import Testing

@testable import MusterChild
@testable import MusterRole

/// A child at an address where somebody else answers for a while.
@Suite(.timeLimit(.minutes(3))) struct ChildSignUpTests {
    @Test func aChildGoesOnAsking() async throws {
        let count = Counter()
        let upstream = ScriptedUpstream { request, connection in
            if request.target == "/progress" { return connection.answer(404) }
            if count.next() < 3 { return connection.answer(404, [], Array("default backend - 404".utf8)) }
            connection.answer(
                403, [], Array(#"{"type":"/problems/rights","title":"x","status":403,"detail":"No."}"#.utf8))
        }
        let child = Child(
            .init(coordinatorURL: upstream.url, identity: .byHand(token: "x"), numbers: 1, range: 10))
        let error = await #expect(throws: NodeError.self) { try await child.run() }
        #expect(error?.code == .refused)
        #expect(upstream.seen("/v1/children/self").count == 3)
        upstream.stop()
    }
}
