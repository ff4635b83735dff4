import MusterServerKit
import Testing

@testable import MusterEdge
@testable import MusterRole

@Suite struct EdgeMetricsTests {
    @Test func namesAreGood() async throws {
        try await withEdge(plainUpstream) { edge in
            try expectGoodMetrics(edge.client().ask("GET", "/metrics", token: "admin")?.text ?? "")
        }
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
