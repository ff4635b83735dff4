import MusterAPI
import MusterHTTP
import MusterScheduling
import MusterServerKit
import Testing

@testable import MusterRole

@Suite struct ResultStreamTests {
    /// A waiting stream is offered each record once, when it is durable; one that came before its turn is not offered again.
    @Test func whatCameBeforeItsTurnIsSentInTheEnd() async throws {
        let coordinator = try await TestCoordinator(HTTPServer.Configuration(), AccessSettings())
        let (job, early, late) = try await onThread {
            (
                try coordinator.submit(#"{"kernel":"noop","count":2}"#),
                try Hand(coordinator, token: coordinator.tokens.join, name: "early"),
                try Hand(coordinator, token: coordinator.tokens.join, name: "late")
            )
        }
        async let stream = onThread {
            coordinator.ask("GET", "/v1/jobs/\(job)/results?wait=true", token: coordinator.tokens.admin)
        }
        try await Task.sleep(for: .milliseconds(200))
        let first = try #require(try await onThread { try late.ask() })
        let second = try #require(try await onThread { try early.ask() })
        #expect([first.key.first, second.key.first] == [0, 1])
        #expect(try await onThread { try early.deliver(second, "2") } == .recorded(1))
        // The stream's task looks, and finds a gap.
        try await Task.sleep(for: .milliseconds(300))
        #expect(try await onThread { try late.deliver(first, "1") } == .recorded(1))
        let lines = try #require(try await stream).text.split(separator: "\n")
        #expect(lines.map { String($0.prefix(19)) } == [#"{"task":0,"value":1"#, #"{"task":1,"value":2"#])
        await coordinator.stop()
    }
}
