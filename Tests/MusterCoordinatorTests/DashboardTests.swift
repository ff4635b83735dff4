import MusterAPI
import MusterCore
import MusterCrypto
import MusterJSON
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

/// What browsers are shown, and how they come in.
@Suite struct DashboardTests {
    private static func cookie(_ response: RawResponse?) -> String? {
        response?["set-cookie"].map { String($0.prefix { $0 != ";" }) }
    }

    private static func signIn(_ coordinator: TestCoordinator, _ token: String, origin: String? = nil) -> RawResponse? {
        let host = "127.0.0.1:\(coordinator.port)"
        return coordinator.ask(
            "POST", "/sign-in", body: "token=\(token)",
            headers: [
                ("Host", host), ("Origin", origin ?? "http://" + host),
                ("Content-Type", "application/x-www-form-urlencoded"),
            ])
    }

    @Test func aStrangerIsToldHowToComeIn() async throws {
        try await withCoordinator { coordinator in
            let page = try #require(coordinator.ask("GET", "/"))
            #expect(page.status == 200 && page.text.contains("muster sign-in") && !page.text.contains("data-rights"))
            #expect(page["content-security-policy"]?.hasPrefix("default-src 'self';") == true)
            #expect(coordinator.ask("GET", "/plain")?.status == 401)
            #expect(coordinator.ask("GET", "/v1/overview")?.status == 401)
            #expect(coordinator.ask("GET", "/v1/overview/events", headOnly: true)?.status == 401)
            #expect(coordinator.ask("GET", "/window/main.js")?.status == 200)
            #expect(coordinator.ask("GET", "/window/..%2Fmain.js")?.status == 404)
        }
    }

    @Test func aTokenLetsABrowserIn() async throws {
        try await withCoordinator { coordinator in
            let host = "127.0.0.1:\(coordinator.port)"
            func rights(_ token: String) throws -> (page: String, job: Int?) {
                let cookie = try #require(Self.cookie(Self.signIn(coordinator, token)))
                let headers = [(name: "Host", value: host), (name: "Cookie", value: cookie)]
                let page = try #require(coordinator.ask("GET", "/", headers: headers)).text
                let job = coordinator.ask(
                    "POST", "/v1/jobs", body: #"{"kernel":"noop","count":1}"#,
                    headers: headers + [("Origin", "http://" + host)])
                return (page, job?.status)
            }
            let admin = try rights(coordinator.tokens.admin)
            #expect(admin.page.contains(#"data-rights="act""#) && admin.job == 201)
            let reader = try rights(coordinator.tokens.read)
            #expect(reader.page.contains(#"data-rights="look""#) && reader.job == 403)
            for other in [coordinator.tokens.join, "nonsense", ""] {
                let answer = try #require(Self.signIn(coordinator, other))
                #expect(answer.status == 303 && answer["location"] == "/?wrong=token" && answer["set-cookie"] == nil)
            }
            #expect(coordinator.ask("GET", "/?wrong=token")?.text.contains("neither") == true)
        }
    }

    /// Nobody is signed in or out by a page of somebody else's.
    @Test func onlyItsOwnPagesSignInAndOut() async throws {
        try await withCoordinator { coordinator in
            for origin in ["http://127.0.0.1:1", "http://evil.example", "null"] {
                #expect(Self.signIn(coordinator, coordinator.tokens.admin, origin: origin)?.status == 403)
                let out = coordinator.ask("POST", "/sign-out", headers: [("Origin", origin)])
                #expect(out?.status == 403 && out?["set-cookie"] == nil)
            }
            let host = "127.0.0.1:\(coordinator.port)"
            let out = coordinator.ask("POST", "/sign-out", headers: [("Host", host), ("Origin", "http://" + host)])
            #expect(out?.status == 303 && out?["set-cookie"]?.contains("Max-Age=0") == true)
        }
    }

    /// Where its requests would be refused, the page is not shown, but why.
    @Test func aCookieUnderAnotherNameIsNoUse() async throws {
        try await withCoordinator { coordinator in
            let cookie = try #require(Self.cookie(Self.signIn(coordinator, coordinator.tokens.admin)))
            let page = coordinator.ask(
                "GET", "/", headers: [("Host", "evil.example:\(coordinator.port)"), ("Cookie", cookie)])
            #expect(page?.text.contains("data-rights") == false && page?.text.contains("--host-name") == true)
        }
    }

    @Test func aCookieGoesWithItsToken() {
        let key = MessageKey.random()
        let old = Sessions(key: key, tokens: ["admin", "read"])
        let line = [String(old.cookie(nowMs: 1_000, isTLS: false, mayAct: false).prefix { $0 != ";" })]
        #expect(old.principal(of: line, nowMs: 1_000) == .read)
        #expect(Sessions(key: key, tokens: ["another", "read"]).principal(of: line, nowMs: 1_000) == nil)
    }

    @Test func theOverviewIsTheFleet() async throws {
        try await withCoordinator { coordinator in
            let member = try coordinator.join(#"{"name":"<b>ada</b>","slots":2}"#)
            let job = try coordinator.submit(#"{"kernel":"noop","count":7,"name":"seven"}"#)
            let answer = try #require(coordinator.ask("GET", "/v1/overview", token: coordinator.tokens.read))
            try expectDocumented(answer, "GET", "/v1/overview")
            // A browser keeps no page for the way back that asked for this.
            #expect(answer["cache-control"] == "no-store")
            let whole = try JSONValue(parsing: answer.body)
            #expect(whole["members"]?.elements?.compactMap { $0["name"]?.string } == ["<b>ada</b>"])
            #expect(whole["members"]?.elements?.first?["id"]?.int == Int(member.id.rawValue))
            #expect(whole["jobs"]?.elements?.first?["id"]?.int == job)
            #expect(whole["jobs"]?.elements?.first?["name"]?.string == "seven")
            #expect(whole["counts"]?["unfinishedJobs"]?.int == 1)
            #expect(whole["events"]?.elements?.first?["event"]?.string == "member-joined")
            let plain = try #require(coordinator.ask("GET", "/plain", token: coordinator.tokens.read))
            #expect(plain.text.contains("&lt;b&gt;ada&lt;/b&gt;") && !plain.text.contains("<b>ada"))
        }
    }

    /// The next event `change` of a stream.
    private static func change(_ client: RawClient) throws -> JSONValue {
        while let line = client.line(until: Array("\n".utf8)) {
            guard line.hasPrefix("data: ") else { continue }
            return try JSONValue(parsing: Array(line.dropFirst(6).utf8))
        }
        throw Problem(500, "The stream ended.")
    }

    @Test func changesFollowTheOverview() async throws {
        try await withCoordinator { coordinator in
            let client = RawClient(port: coordinator.port)
            let head = "Host: localhost\r\nAuthorization: Bearer \(coordinator.tokens.read)\r\n\r\n"
            #expect(client.send("GET /v1/overview/events HTTP/1.1\r\n" + head))
            #expect(client.head()?.status == 200)
            let whole = try #require(coordinator.ask("GET", "/v1/overview", token: coordinator.tokens.read)).body
            var number = try #require(try JSONValue(parsing: whole)["number"]?.int)
            _ = try coordinator.join(#"{"name":"ada"}"#)
            let job = try coordinator.submit(#"{"kernel":"noop","count":7}"#)
            // Over before anybody looked.
            let short = try coordinator.submit()
            _ = coordinator.ask("DELETE", "/v1/jobs/\(short)", token: coordinator.tokens.admin)
            var (isMember, isJob, isOver, isShort) = (false, false, false, false)
            while !isOver {
                let change = try Self.change(client)
                let told = try #require(change["number"]?.int)
                if told <= number { continue }
                #expect(told == number + 1)
                number = told
                isMember = isMember || change["members"]?.elements?.first?["name"]?.string == "ada"
                isShort =
                    isShort
                    || change["jobs"]?.elements?.contains {
                        $0["id"]?.int == short && $0["state"]?.string == "cancelled"
                    } == true
                guard let seen = change["jobs"]?.elements?.first(where: { $0["id"]?.int == job }) else { continue }
                if !isJob {
                    isJob = true
                    #expect(
                        coordinator.ask("DELETE", "/v1/jobs/\(job)", token: coordinator.tokens.admin)?.status == 200)
                }
                isOver = seen["state"]?.string == "cancelled"
            }
            #expect(isMember && isJob && isShort)
            client.close()
        }
    }

    /// Pages that are open are told once why a job waits; one that is opened then must have it, too.
    @Test func whyAJobWaitsIsInTheOverview() async throws {
        try await withCoordinator { coordinator in
            let client = RawClient(port: coordinator.port)
            let head = "Host: localhost\r\nAuthorization: Bearer \(coordinator.tokens.read)\r\n\r\n"
            #expect(client.send("GET /v1/overview/events HTTP/1.1\r\n" + head))
            #expect(client.head()?.status == 200)
            let job = try coordinator.submit(
                #"{"kernel":"noop","count":1,"needs":{"cpus":1,"labels":{"site":"nowhere"}}}"#)
            var told: String?
            while told?.contains("there is no worker") != true {
                let seen = try Self.change(client)["jobs"]?.elements?.last { $0["id"]?.int == job }
                told = seen?["waiting"]?.string ?? told
            }
            let whole = try #require(coordinator.ask("GET", "/v1/overview", token: coordinator.tokens.read)).body
            let listed = try JSONValue(parsing: whole)["jobs"]?.elements?.first
            #expect(listed?["waiting"]?.string == told)
            client.close()
        }
    }

    /// What an edge says of where it is, is asked only where it is a place, without a path of somebody's choice.
    @Test func edgesAreAskedAtPlacesOnly() async throws {
        try await withCoordinator { coordinator in
            _ = try coordinator.join(#"{"name":"lost","role":"edge","labels":{"url":"http://127.0.0.1:1/x?y="}}"#)
            let answer = try #require(coordinator.ask("GET", "/v1/edges", token: coordinator.tokens.read))
            let edge = try JSONValue(parsing: answer.body)["edges"]?.elements?.first
            #expect(edge?["name"]?.string == "lost" && edge?["problem"]?.string?.contains("Its address") == true)
        }
    }
}
