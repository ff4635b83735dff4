import MusterServerKit
import Testing

@testable import MusterRole

@Suite struct MetricsTests {
    @Test func namesAreGood() async throws {
        try await withCoordinator {
            try expectGoodMetrics($0.ask("GET", "/metrics", token: $0.tokens.read)?.text ?? "")
        }
    }
}
