import MusterAPI
import MusterRoutes
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

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

    /// What stands in a request that a program, or a page, sends without a token.
    static let callers: [(headers: [String], isProgram: Bool)] = [
        (["Host: localhost:8080"], true), (["Host: 10.0.0.1"], true), (["Host: [2001:db8::1]:8080"], true),
        (["Host: coordinator:8080"], true), (["Host: FLEET.example.org"], true), (["Host: evil.example"], false),
        (["Host: [::1]evil.example"], false), (["Host: localhost:99999evil"], false), (["Host: 127.0.0.999"], false),
        (["Host: localhost.evil.example"], false), (["Host: "], false),
        (["Host: localhost:8080", "Origin: http://localhost:8080"], true),
        (["Host: localhost:8080", "Origin: http://localhost:9090"], false),
        (["Host: localhost", "Origin: http://127.0.0.1"], false), (["Host: localhost", "Origin: null"], false),
        (["Host: localhost", "Origin: "], false),
        (["Host: localhost", "Origin: http://evil.example@localhost"], false),
        (["Host: localhost", "Sec-Fetch-Site: cross-site"], false),
        (["Host: localhost", "Sec-Fetch-Site: same-site"], false),
        (["Host: localhost", "Sec-Fetch-Site: none"], true),
        (["Host: localhost", "Sec-Fetch-Site: same-origin"], true),
        // Whoever put a proxy before it opened it to those behind that.
        (["Host: localhost", "X-Forwarded-For: 8.8.8.8"], true),
    ]

    private static func post(_ target: String, _ headers: [String], _ port: UInt16) -> Int? {
        let client = RawClient(port: port)
        let lines = headers.map { $0 + "\r\n" }.joined()
        client.send(Array("POST \(target) HTTP/1.1\r\n\(lines)Connection: close\r\nContent-Length: 0\r\n\r\n".utf8))
        return client.rest().map { String(decoding: $0, as: UTF8.self) }.flatMap { Int($0.dropFirst(9).prefix(3)) }
    }

    @Test(arguments: callers)
    func openClassicRoutesAreForPrograms(_ headers: [String], _ isProgram: Bool) async throws {
        let settings = Self.settings { ($0.isClassicOpen, $0.hostNames) = (true, ["fleet.example.org"]) }
        try await withCoordinator(access: settings) { coordinator in
            #expect(Self.post("/create-child", headers, coordinator.port) == (isProgram ? 202 : 403))
            // A token says who it is, whatever the page.
            let bearer = "Authorization: Bearer \(coordinator.tokens.admin)"
            #expect(Self.post("/create-child", headers + [bearer], coordinator.port) == 202)
            #expect(
                Self.post("/create-child", headers + ["Authorization: Bearer "], coordinator.port)
                    == (isProgram ? 202 : 403))
        }
    }

    /// As `muster up` has it: an address is no right, and what a proxy passed on has none at all.
    @Test func aFleetOfOneMachineIsNotForThoseBehindAProxy() async throws {
        let settings = Self.settings { ($0.isClassicOpen, $0.isForThisMachine) = (true, true) }
        try await withCoordinator(access: settings) { coordinator in
            #expect(Self.post("/v1/jobs", ["Host: localhost"], coordinator.port) == 401)
            #expect(Self.post("/create-child", ["Host: 127.0.0.1:8080"], coordinator.port) == 202)
            let signs = [
                "Forwarded: for=8.8.8.8", "X-Forwarded-Host: a", "Via: 1.1 a", "X-Real-IP: 8.8.8.8", "x-forwarded-x: ",
            ]
            for sign in signs {
                #expect(Self.post("/create-child", ["Host: localhost", sign], coordinator.port) == 403, "\(sign)")
                let bearer = "Authorization: Bearer \(coordinator.tokens.admin)"
                #expect(Self.post("/create-child", ["Host: localhost", sign, bearer], coordinator.port) == 202)
            }
            for host in ["10.0.0.1", "coordinator", "evil.example"] {
                #expect(Self.post("/create-child", ["Host: \(host)"], coordinator.port) == 403, "\(host)")
            }
        }
    }
}
