import MusterJSON
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

/// Who asked without a token, where that may be, reads what came of it without one; and nothing else.
@Suite struct OpenJobTests {
    private static let endings = ["", "/results", "/events"]
    private static var settings: AccessSettings {
        var settings = AccessSettings()
        settings.isClassicOpen = true
        return settings
    }

    private static func status(
        _ coordinator: TestCoordinator, _ id: Int, _ ending: String, token: String? = nil,
        headers: [(name: String, value: String)] = []
    ) -> Int? {
        let target = "/v1/jobs/\(id)\(ending)"
        // Streams of events go on: their heads are enough.
        return coordinator.ask("GET", target, token: token, headOnly: ending == "/events", headers: headers)?.status
    }

    private static func assign(_ coordinator: TestCoordinator, token: String? = nil, key: String? = nil) throws -> Int {
        let headers = key.map { [(name: "Idempotency-Key", value: $0)] } ?? []
        let answer = try #require(
            coordinator.ask("POST", "/assign/all", token: token, body: #"{"dataset":[[1,2]]}"#, headers: headers))
        #expect(answer.status == 201, "\(answer.text)")
        return try #require(try JSONValue(parsing: answer.body)["id"]?.int)
    }

    @Test(arguments: endings)
    func anOpenJobIsReadWithoutAToken(_ ending: String) async throws {
        try await withCoordinator(access: Self.settings) { coordinator in
            let open = try Self.assign(coordinator)
            let closed = try Self.assign(coordinator, token: coordinator.tokens.admin)
            let submitted = try coordinator.submit()
            for token in [nil, "nonsense"] {
                #expect(Self.status(coordinator, open, ending, token: token) == 200)
                for id in [closed, submitted, 999] {
                    #expect(Self.status(coordinator, id, ending, token: token) == 401, "\(id)")
                }
            }
            // A token of another kind has no more rights than none.
            #expect(Self.status(coordinator, open, ending, token: coordinator.tokens.join) == 200)
            #expect(Self.status(coordinator, closed, ending, token: coordinator.tokens.join) == 403)
            for id in [open, closed, submitted] {
                #expect(Self.status(coordinator, id, ending, token: coordinator.tokens.read) == 200)
            }
            #expect(Self.status(coordinator, 999, ending, token: coordinator.tokens.read) == 404)
            #expect(coordinator.ask("GET", "/v1/jobs/x\(ending)")?.status == 401)
        }
    }

    /// It is over, and so only in the store.
    @Test func itStaysOpenWhenItIsOver() async throws {
        try await withCoordinator(access: Self.settings) { coordinator in
            let open = try Self.assign(coordinator)
            let closed = try coordinator.submit()
            for id in [open, closed] {
                #expect(coordinator.ask("DELETE", "/v1/jobs/\(id)", token: coordinator.tokens.admin)?.status == 200)
            }
            for ending in Self.endings {
                #expect(Self.status(coordinator, open, ending) == 200, "\(ending)")
                #expect(Self.status(coordinator, closed, ending) == 401, "\(ending)")
            }
        }
    }

    @Test(arguments: endings)
    func pagesOfOthersReadNothing(_ ending: String) async throws {
        try await withCoordinator(access: Self.settings) { coordinator in
            let open = try Self.assign(coordinator)
            for header in [("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
                #expect(Self.status(coordinator, open, ending, headers: [header]) == 403, "\(header)")
            }
            let client = RawClient(port: coordinator.port)
            client.send(
                Array("GET /v1/jobs/\(open)\(ending) HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".utf8))
            #expect(String(decoding: client.rest() ?? [], as: UTF8.self).hasPrefix("HTTP/1.1 403 "))
        }
    }

    @Test func nothingElseOfItIsOpen() async throws {
        try await withCoordinator(access: Self.settings) { coordinator in
            let open = try Self.assign(coordinator)
            #expect(coordinator.ask("GET", "/v1/jobs/\(open)/tasks")?.status == 401)
            #expect(coordinator.ask("DELETE", "/v1/jobs/\(open)")?.status == 401)
            #expect(coordinator.ask("POST", "/v1/jobs/\(open)/retry")?.status == 401)
            #expect(coordinator.ask("GET", "/v1/jobs")?.status == 401)
        }
    }

    /// Where classic routes are not open, neither is what they made before.
    @Test func aClosedCoordinatorHasNoOpenJobs() async throws {
        try await withCoordinator { coordinator in
            let id = try Self.assign(coordinator, token: coordinator.tokens.admin)
            for ending in Self.endings { #expect(Self.status(coordinator, id, ending) == 401) }
        }
    }

    /// A stranger's key finds the stranger's own job, never one that somebody with a token asked for.
    @Test func keysOfOthersOpenNothing() async throws {
        try await withCoordinator(access: Self.settings) { coordinator in
            let own = try Self.assign(coordinator, key: "mine")
            #expect(try Self.assign(coordinator, key: "mine") == own)
            _ = try Self.assign(coordinator, token: coordinator.tokens.admin, key: "theirs")
            let answer = coordinator.ask(
                "POST", "/assign/all", body: #"{"dataset":[[1,2]]}"#, headers: [("Idempotency-Key", "theirs")])
            #expect(try detail(answer, is: 422).contains("another key"))
        }
    }
}
