import MusterAPI
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

@Suite struct MetricsTests {
    @Test func namesAreGood() async throws {
        try await withCoordinator {
            try expectGoodMetrics($0.ask("GET", "/metrics", token: $0.tokens.read)?.text ?? "")
        }
    }

    /// Each refusal by a bound is counted once, by the bound's name, and told to whoever may look.
    @Test func limitsThatAreMetAreTold() async throws {
        try await withCoordinator { coordinator in
            func limits() throws -> [LimitStatus] {
                let answer = try #require(coordinator.ask("GET", "/v1/limits", token: coordinator.tokens.read))
                return try ListAnswer<LimitStatus>(body: answer.body).items
            }
            #expect(try limits() == [])
            #expect(coordinator.ask("GET", "/v1/limits")?.status == 401)
            // Refused for what it asks, not by a bound that may be free later.
            let admin = coordinator.tokens.admin
            #expect(coordinator.ask("POST", "/v1/jobs", token: admin, body: "{}")?.status == 422)
            let long = String(repeating: " ", count: 70_000)
            for _ in 0..<2 {
                let refused = coordinator.ask("POST", "/v1/scale", token: admin, body: long)
                #expect(refused?.status == 413 && refused?.text.contains(#""limit":"request-body""#) == true)
            }
            // As many pages as may follow the fleet, and one more.
            let (stream, token) = ("/v1/overview/events", coordinator.tokens.read)
            let pages = (0..<256).map { _ in RawClient(port: coordinator.port) }
            for page in pages { #expect(page.ask("GET", stream, token: token, headOnly: true)?.status == 200) }
            let refused = coordinator.ask("GET", stream, token: token)
            #expect(refused?.status == 503 && refused?["retry-after"] == "10")
            let met = try limits()
            #expect(met.map(\.name) == ["pages", "request-body"] && met.map(\.count) == [1, 2])
            #expect(met[0].detail.contains("Too many event streams"))
            for page in pages { page.close() }
            let page = coordinator.ask("GET", "/metrics", token: coordinator.tokens.read)?.text ?? ""
            #expect(page.contains("\nmuster_limits_met_total{limit=\"request-body\"} 2\n"))
            #expect(page.contains("\nmuster_limits_met_total{limit=\"pages\"} 1\n"))
            #expect(page.contains("\nmuster_limits_met_total{limit=\"members\"} 0\n"))
        }
    }
}
