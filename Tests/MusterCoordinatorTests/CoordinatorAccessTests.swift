import Glibc
import MusterAPI
import MusterRoutes
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

/// What a request shows to say who sends it.
enum Credential: String, CaseIterable, Sendable {
    case none, nonsense, empty, read, join, admin, ownSecret, othersSecret, forgedSecret, unknownSecret
}

@Suite struct CoordinatorAccessTests {
    /// The status that a route answers to a credential.
    static func wanted(_ spec: RouteSpec, _ credential: Credential, success: Int) -> Int {
        if spec.access == .open || spec.access == .picture { return success }
        // Whose member the path names counts where it names one.
        let namesMember = spec.access == .member && !spec.parameters.isEmpty
        switch credential {
        case .none, .nonsense, .empty, .forgedSecret, .unknownSecret: return 401
        case .admin where spec.access == .member: return spec.name == .leaveFleet ? success : 403
        case .admin where spec.access == .child: return 403
        case .admin: return success
        case .ownSecret where spec.access == .send, .othersSecret where spec.access == .send: return success
        case .read: return spec.access == .read ? success : 403
        // Who may compute may not therefore look: volunteers are not trusted with others' results.
        case .join: return spec.access == .join ? success : 403
        case .ownSecret: return spec.access == .member ? success : 403
        case .othersSecret: return spec.access == .member && !namesMember ? success : 403
        }
    }

    static func token(_ credential: Credential, own: String, other: String, _ tokens: TokenStore) -> String? {
        switch credential {
        case .none: nil
        case .nonsense: "nonsense"
        case .empty: ""
        case .read: tokens.read
        case .join: tokens.join
        case .admin: tokens.admin
        case .ownSecret: own
        case .othersSecret: other
        // One member's id with another's code.
        case .forgedSecret: String(own.prefix { $0 != "." }) + String(other.drop { $0 != "." })
        case .unknownSecret: "m999999." + own.drop { $0 != "." }.dropFirst()
        }
    }

    /// RFC 6750, 3: a realm; an error only where something was shown.
    static func challenge(_ response: RawResponse, _ credential: Credential) -> String? {
        let realm = #"Bearer realm="muster""#
        return switch response.status {
        case 401: [.none, .empty].contains(credential) ? realm : realm + #", error="invalid_token""#
        case 403: realm + #", error="insufficient_scope""#
        default: nil
        }
    }

    @Test(arguments: RouteName.allCases)
    func everyRouteWithEveryCredential(_ name: RouteName) async throws {
        try await withCoordinator { coordinator in
            let spec = RouteTable.spec(name)
            for credential in Credential.allCases {
                let (own, other) = (try coordinator.join(for: name), try coordinator.join(for: name))
                let job = try coordinator.submit()
                let token = Self.token(credential, own: own.secret, other: other.secret, coordinator.tokens)
                let sample = SampleRequest(name, job: job, member: own.id)
                let response = coordinator.ask(
                    spec.method, sample.target, token: token, body: sample.body, headOnly: sample.isStream,
                    headers: sample.headers)
                let wanted = Self.wanted(spec, credential, success: sample.status)
                #expect(response?.status == wanted, "\(name) with \(credential): \(response?.text ?? "no answer")")
                guard let response, response.status >= 400 else { continue }
                #expect(response["content-type"] == Problem.contentType)
                #expect(response["www-authenticate"] == Self.challenge(response, credential))
                if let token, token.count > 8 { #expect(!response.text.contains(token), "a token came back") }
            }
        }
    }

    /// A child may deliver its own numbers and nothing else.
    @Test(arguments: RouteName.allCases)
    func everyRouteWithAChildsSecret(_ name: RouteName) async throws {
        try await withCoordinator { coordinator in
            let spec = RouteTable.spec(name)
            let secrets = (try coordinator.createChild(), try coordinator.createChild())
            let sample = SampleRequest(name, job: try coordinator.submit(), member: try coordinator.join(for: name).id)
            for (number, secret) in [(1, secrets.0), (2, secrets.1)] {
                let response = coordinator.ask(
                    spec.method, sample.target, token: secret, body: sample.body, headOnly: sample.isStream,
                    headers: sample.headers)
                let isOpen = spec.access == .open || spec.access == .picture || (spec.access == .child && number == 1)
                #expect(response?.status == (isOpen ? sample.status : 403), "\(name): \(response?.text ?? "no answer")")
            }
        }
    }

    @Test(arguments: ["Basic x", "bearer\tx", "Bearer", "Bearer  ", "Token x", "Bearer x y", "Bearer \u{FC}"])
    func oddAuthorizationHeaders(_ header: String) async throws {
        try await withCoordinator { coordinator in
            let client = RawClient(port: coordinator.port)
            client.send(
                Array("GET /v1/jobs HTTP/1.1\r\nHost: a\r\nAuthorization: \(header)\r\nConnection: close\r\n\r\n".utf8))
            let answer = try #require(client.rest())
            #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 401 "))
        }
    }

    /// The scheme's name is written in any case (RFC 9110).
    @Test(arguments: ["Bearer", "bearer", "BEARER"])
    func schemes(_ scheme: String) async throws {
        try await withCoordinator { coordinator in
            let client = RawClient(port: coordinator.port)
            let token = coordinator.tokens.read
            client.send(
                Array(
                    "GET /v1/jobs HTTP/1.1\r\nHost: a\r\nAuthorization: \(scheme) \(token)\r\nConnection: close\r\n\r\n"
                        .utf8))
            #expect(String(decoding: client.rest() ?? [], as: UTF8.self).hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func tokenFilesAreTheOwnersAlone() async throws {
        try await withCoordinator { coordinator in
            for name in ["admin.token", "join.token", "read.token"] {
                var status = stat()
                #expect(stat(coordinator.folder + "/coordinator/" + name, &status) == 0)
                #expect(status.st_mode & 0o7777 == 0o600)
            }
            var status = stat()
            #expect(stat(coordinator.folder + "/coordinator", &status) == 0)
            #expect(status.st_mode & 0o7777 == 0o700)
            #expect(Set([coordinator.tokens.admin, coordinator.tokens.join, coordinator.tokens.read]).count == 3)
            #expect(
                [coordinator.tokens.admin, coordinator.tokens.join, coordinator.tokens.read].allSatisfy {
                    $0.count >= 32
                })
        }
    }

    /// A member that left is a stranger: its secret is genuine, and of no use.
    @Test func secretsOfThoseWhoLeft() async throws {
        try await withCoordinator { coordinator in
            let member = try coordinator.join()
            let target = "/v1/members/\(member.id)"
            #expect(coordinator.ask("DELETE", target, token: member.secret)?.status == 200)
            for name in [RouteName.heartbeat, .leases, .results, .output, .leaveFleet] {
                let sample = SampleRequest(name, job: 1, member: member.id)
                let response = coordinator.ask(
                    RouteTable.spec(name).method, sample.target, token: member.secret, body: sample.body)
                #expect(try detail(response, is: 401).contains("join again"))
            }
            #expect(coordinator.ask("DELETE", target, token: coordinator.tokens.admin)?.status == 404)
            // Its identity brings it back under its id.
            let again = try coordinator.join(#"{"id":\#(member.id),"secret":"\#(member.secret)"}"#)
            #expect(again == member)
            let stolen = #"{"id":\#(member.id),"secret":"m\#(member.id).00"}"#
            #expect(coordinator.ask("POST", "/v1/members", token: coordinator.tokens.join, body: stolen)?.status == 403)
        }
    }

    /// A joining whose answer was lost is tried again: it gives the same member, unless its mark could be guessed.
    @Test func joiningAgainIsOneMember() async throws {
        try await withCoordinator { coordinator in
            let process = #"{"incarnation":"0123456789abcdef"}"#
            let first = try coordinator.join(process)
            #expect(try coordinator.join(process) == first)
            #expect(try coordinator.join(#"{"incarnation":"fedcba9876543210"}"#).id != first.id)
            let short = #"{"incarnation":"1"}"#
            #expect(try coordinator.join(short).id != coordinator.join(short).id)
        }
    }
}
