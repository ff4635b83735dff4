import MusterAPI
import Testing

@testable import MusterNode

/// Who may see pictures, call the classic routes, and do what on the machine itself.
@Suite struct GatewayAccessTests {
    private static let pictures = ["/mandelbrot.png", "/tiles/0/0/0.png"]
    private static let classic: [RouteName] = [.getServers, .proxConnected, .getMbrot]

    private static func settings(_ change: (inout AccessSettings) -> Void) -> AccessSettings {
        var settings = AccessSettings()
        change(&settings)
        return settings
    }

    private static func ask(_ name: RouteName, _ coordinator: TestCoordinator, token: String?) throws -> RawResponse {
        let spec = RouteTable.spec(name)
        let sample = SampleRequest(name, job: 1, member: try coordinator.join(for: name).id)
        return try #require(
            coordinator.ask(spec.method, spec.pattern, token: token, body: sample.body, headers: sample.headers))
    }

    @Test func picturesNeedNoTokenUnlessPrivate() async throws {
        try await withCoordinator { coordinator in
            for path in Self.pictures { #expect(coordinator.ask("HEAD", path, headOnly: true)?.status == 200) }
        }
        try await withCoordinator(access: Self.settings { $0.isPrivate = true }) { coordinator in
            let tokens = coordinator.tokens
            for path in Self.pictures {
                for (token, status) in [(nil, 401), ("nonsense", 401), (tokens.join, 403)] as [(String?, Int)] {
                    _ = try detail(coordinator.ask("GET", path, token: token), is: status)
                }
                for token in [tokens.read, tokens.admin] {
                    #expect(coordinator.ask("HEAD", path, token: token, headOnly: true)?.status == 200)
                }
            }
        }
    }

    @Test(arguments: classic)
    func classicRoutesAreOpenedByTheirFlagAlone(_ name: RouteName) async throws {
        try await withCoordinator { coordinator in
            let refused = try detail(try Self.ask(name, coordinator, token: nil), is: 401)
            #expect(refused.contains("--open-classic"), "\(refused)")
            let admin = try Self.ask(name, coordinator, token: coordinator.tokens.admin)
            #expect(admin.status == (name == .getMbrot ? 503 : 200))
        }
        try await withCoordinator(access: Self.settings { $0.isClassicOpen = true }) { coordinator in
            // Without a worker a picture is not made; but it was tried.
            let stranger = try Self.ask(name, coordinator, token: nil)
            #expect(stranger.status == (name == .getMbrot ? 503 : 200))
            #expect(coordinator.ask("GET", "/v1/jobs")?.status == 401)
        }
    }

    static let callers: [(host: String, origin: String?, status: Int)] = [
        ("localhost", nil, 200), ("localhost:8080", nil, 200), ("127.0.0.1:1", nil, 200), ("[::1]:8080", nil, 200),
        ("LOCALHOST", nil, 200), ("127.9.9.9", nil, 200), ("example.org", nil, 403), ("example.org:8080", nil, 403),
        ("127.0.0.1.example.org", nil, 403), ("localhost.example.org", nil, 403), ("127.0.0.999", nil, 403),
        ("10.0.0.1", nil, 403), ("localhost:8080", "http://localhost:8080", 200),
        ("localhost:8080", "http://localhost:9090", 403),
        ("localhost", "http://127.0.0.1", 403),
        ("localhost", "http://example.org", 403), ("localhost", "https://localhost.example.org", 403),
        ("localhost", "null", 403), ("localhost", "http://", 403), ("localhost", "http://example.org@localhost", 403),
    ]

    @Test(arguments: callers)
    func thisMachineItself(_ host: String, _ origin: String?, _ status: Int) async throws {
        try await withCoordinator(access: Self.settings { $0.trustsLoopback = true }) { coordinator in
            let headers = [("Host", host)] + (origin.map { [("Origin", $0)] } ?? [])
            func ask(_ method: String, _ target: String, token: String? = nil, body: String? = nil) -> RawResponse? {
                RawClient(port: coordinator.port)
                    .ask(method, target, token: token, body: body.map { Array($0.utf8) }, headers: headers)
            }
            #expect(ask("GET", "/v1/jobs")?.status == status)
            let job = #"{"kernel":"noop","count":1}"#
            #expect(ask("POST", "/v1/jobs", body: job)?.status == (status == 200 ? 201 : status))
            // A token says who it is, whatever the page; a wrong one is not as good as none.
            #expect(ask("GET", "/v1/jobs", token: coordinator.tokens.read)?.status == 200)
            #expect(ask("GET", "/v1/jobs", token: "nonsense")?.status == 401)
        }
    }
}
