import HTTPCaching
import MusterAPI
import MusterCore
import MusterCrypto
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

/// Browsers: a link, a cookie, and what pages may do with it.
@Suite struct SessionTests {
    private static func cookie(_ coordinator: TestCoordinator) throws -> String {
        let made = try #require(coordinator.ask("POST", "/v1/sign-in-links", token: coordinator.tokens.admin))
        #expect(made.status == 201)
        let link = try SignInLink(body: made.body)
        // Whoever only looks at a link leaves it good.
        #expect(coordinator.ask("HEAD", link.path, headOnly: true)?.status == 403)
        let answer = try #require(coordinator.ask("GET", link.path))
        #expect(answer.status == 200 && answer["cache-control"] == "no-store")
        #expect(coordinator.ask("GET", link.path)?.status == 403)
        let field = try #require(answer["set-cookie"])
        for part in ["HttpOnly", "SameSite=Strict", "Path=/"] { #expect(field.contains("; \(part)"), "\(field)") }
        return String(field.prefix { $0 != ";" })
    }

    @Test func aCookieNeedsAPageOfItsOwn() async throws {
        try await withCoordinator { coordinator in
            let cookie = try Self.cookie(coordinator)
            let job = #"{"kernel":"noop","count":1}"#
            let host = "127.0.0.1:\(coordinator.port)"
            func ask(_ method: String, _ headers: [(name: String, value: String)]) -> Int? {
                coordinator.ask(
                    method, "/v1/jobs", body: method == "POST" ? job : nil,
                    headers: [("Host", host), ("Cookie", "x=y; \(cookie); z")] + headers)?.status
            }
            #expect(ask("GET", []) == 200)
            #expect(ask("POST", []) == 403)
            #expect(ask("POST", [("Origin", "http://" + host)]) == 201)
            for origin in ["http://127.0.0.1:1", "null", "", "http://evil.example", "http://\(host).evil.example"] {
                #expect(ask("POST", [("Origin", origin)]) == 403, "\(origin)")
            }
            #expect(ask("GET", [("Sec-Fetch-Site", "same-site")]) == 403)
            // A token beside it is what counts.
            #expect(ask("GET", [("Authorization", "Bearer nonsense")]) == 401)
            #expect(ask("GET", [("Authorization", "Bearer \(coordinator.tokens.read)")]) == 200)
            // An admin is no member.
            let member = try coordinator.join()
            let beat = coordinator.ask(
                "POST", "/v1/members/\(member.id)/heartbeat", body: "{}",
                headers: [("Host", host), ("Cookie", cookie), ("Origin", "http://" + host)])
            #expect(beat?.status == 403)
        }
    }

    @Test func forgedCookiesAreNobodys() async throws {
        try await withCoordinator { coordinator in
            let cookie = try Self.cookie(coordinator)
            let parts = cookie.split(separator: ".").map(String.init)
            let later = parts[0].dropLast() + (parts[0].hasSuffix("9") ? "8" : "9")
            for forged in [
                "\(later).\(parts[1]).\(parts[2])", "\(parts[0]).\(parts[1]).\(parts[2].dropLast())x", "\(parts[0])..",
                "\(parts[0]).\(parts[1])", cookie + ".x", "x" + cookie, String(cookie.prefix { $0 != "=" }) + "=",
            ] {
                #expect(coordinator.ask("GET", "/v1/jobs", headers: [("Cookie", forged)])?.status == 401, "\(forged)")
            }
        }
    }

    @Test func sessionsEnd() throws {
        let sessions = Sessions(key: .random())
        let field = sessions.cookie(nowMs: 1_000, isTLS: true)
        #expect(field.contains("; Secure"))
        let lines = [String(field.prefix { $0 != ";" })]
        let end = 1_000 + Int64(Sessions.seconds) * 1_000
        #expect(sessions.principal(of: lines, nowMs: end - 1) == .admin)
        #expect(sessions.principal(of: lines, nowMs: end) == nil)
        #expect(Sessions(key: .random()).principal(of: lines, nowMs: 1_000) == nil)
    }

    @Test func linksEndAndAreFew() {
        let links = SignInLinks()
        let start = Moment(nanoseconds: 0)
        func code(_ path: String) -> String { String(path.split(separator: "=").last ?? "") }
        let first = code(links.make(now: start))
        #expect(!links.use("", now: start))
        #expect(!links.use(first, now: start + .seconds(Sessions.linkSeconds)))
        #expect(!links.use(first, now: start))
        let codes = (0...SignInLinks.waitingMax).map { _ in code(links.make(now: start)) }
        #expect(!links.use(codes[0], now: start) && links.use(codes[1], now: start) && !links.use(codes[1], now: start))
    }

    /// A browser sends its cookies to all ports of a machine.
    @Test func edgesKeepCookiesOfFleetsToThemselves() {
        var fields = HeaderFields([
            ("Cookie", "a=1; muster-12ab=secret; b=2"), ("Cookie", "muster-x=y"), ("X", "muster-"),
        ])
        FleetCookies.remove(from: &fields)
        #expect(fields.values("Cookie") == ["a=1; b=2"] && fields["X"] == "muster-")
    }

    /// U+0600 makes one character of itself and the semicolon behind it; other readers go by bytes.
    @Test func cookiesAreReadByBytes() {
        var fields: HeaderFields = ["Cookie": "a=\u{600}; muster-12ab=secret; b=2"]
        FleetCookies.remove(from: &fields)
        #expect(fields.values("Cookie") == ["a=\u{600}; b=2"])
        let sessions = Sessions(key: .random())
        let own = sessions.cookie(nowMs: 1_000, isTLS: false).prefix { $0 != ";" }
        #expect(sessions.principal(of: ["a=\u{600};\(own)"], nowMs: 1_000) == .admin)
    }
}
