import MusterAPI
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

/// What a secret is good for is said before a body is taken.
@Suite struct EarlyRightsTests {
    /// The status that a head alone gets, which declares a body that never comes.
    private static func head(_ coordinator: TestCoordinator, _ method: String, _ target: String, _ token: String)
        -> Int?
    {
        let client = RawClient(port: coordinator.port)
        client.send(
            Array(
                "\(method) \(target) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\nContent-Length: 1000000\r\n\r\n"
                    .utf8))
        return client.rest().map { String(decoding: $0, as: UTF8.self) }.flatMap { Int($0.dropFirst(9).prefix(3)) }
    }

    @Test func whoIsNoMemberSendsNoBody() async throws {
        try await withCoordinator { coordinator in
            let (gone, here) = (try coordinator.join(), try coordinator.join())
            #expect(coordinator.ask("DELETE", "/v1/members/\(gone.id)", token: gone.secret)?.status == 200)
            #expect(Self.head(coordinator, "POST", "/v1/results", gone.secret) == 401)
            #expect(Self.head(coordinator, "POST", "/v1/members/\(here.id)/heartbeat", gone.secret) == 403)
            #expect(Self.head(coordinator, "POST", "/v1/members/\(gone.id)/heartbeat", gone.secret) == 401)
        }
    }

    @Test func aChildDeliversItsOwnOnly() async throws {
        try await withCoordinator { coordinator in
            let secret = try coordinator.createChild()
            _ = try coordinator.createChild()
            #expect(Self.head(coordinator, "POST", "/v1/children/2/numbers", secret) == 403)
        }
    }

    @Test func aRevokedVolunteerSendsNoBody() async throws {
        try await withCoordinator { coordinator in
            let admin = coordinator.tokens.admin
            let made = try #require(coordinator.ask("POST", "/v1/tokens", token: admin))
            var fields = try JSONFields(body: made.body)
            let id = try #require(try fields.int("id", in: 1...Int.max))
            let token = try #require(try fields.string("token"))
            let joined = try #require(coordinator.ask("POST", "/v1/members", token: token, body: "{}"))
            let member = try JoinReply(body: joined.body).identity
            #expect(coordinator.ask("DELETE", "/v1/tokens/\(id)", token: admin)?.status == 200)
            #expect(Self.head(coordinator, "POST", "/v1/results", member.secret) == 401)
        }
    }
}
