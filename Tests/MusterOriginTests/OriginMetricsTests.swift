import MusterServerKit
import Testing

@Suite struct OriginMetricsTests {
    @Test func namesAreGood() async throws {
        try await withOrigin { try expectGoodMetrics($0.ask("GET", "/metrics").text) }
    }
}
