import MusterAPI
import MusterCrypto
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

/// What `muster join-command` asks a coordinator for.
@Suite struct JoinOfferTests {
    @Test func theProgramIsWhereTheOfferSays() async throws {
        try await withCoordinator { coordinator in
            let answer = try #require(coordinator.ask("POST", "/v1/join-command", token: coordinator.tokens.admin))
            #expect(answer.status == 201 && answer["cache-control"] == "no-store")
            let offer = try JoinOffer(body: answer.body)
            #expect(offer.token == coordinator.tokens.join && offer.trouble == nil)
            #expect(offer.url == "http://127.0.0.1:\(coordinator.port)")
            let program = try #require(offer.program)
            // No token: whoever was told the path may have what it names.
            let fetched = try #require(coordinator.ask("GET", program.path))
            #expect(fetched.status == 200 && fetched.body == Array("a program".utf8))
            #expect(fetched.body.count == program.bytes)
            #expect(hex(SHA256.digest(of: fetched.body)) == program.sha256)
            #expect(coordinator.ask("HEAD", program.path, headOnly: true)?["content-length"] == "\(program.bytes)")
            let again = coordinator.ask("POST", "/v1/join-command", token: coordinator.tokens.admin)
            #expect(again?.body == answer.body)
        }
    }

    /// Whoever wants the token alone waits for no program to be packed.
    @Test func theTokenIsToldWithoutTheProgram() async throws {
        try await withCoordinator { coordinator in
            let token = coordinator.tokens.admin
            let answer = try #require(coordinator.ask("POST", "/v1/join-command?program=false", token: token))
            let offer = try JoinOffer(body: answer.body)
            #expect(answer.status == 201 && offer.token == coordinator.tokens.join && offer.program == nil)
            for query in ["program=maybe", "more=1"] {
                _ = try detail(coordinator.ask("POST", "/v1/join-command?\(query)", token: token), is: 422)
            }
        }
    }

    @Test func nobodyGuessesWhereTheProgramIs() async throws {
        try await withCoordinator { coordinator in
            for code in ["0", String(repeating: "0", count: 32), "..", "archive.tar.gz"] {
                _ = try detail(coordinator.ask("GET", "/v1/program/\(code)"), is: 404)
            }
            for token in [coordinator.tokens.read, coordinator.tokens.join] {
                _ = try detail(coordinator.ask("POST", "/v1/join-command", token: token), is: 403)
            }
        }
    }

    @Test func anOfferSurvivesTheWire() throws {
        for program in [nil, JoinOffer.Program(path: "/v1/program/ab", sha256: "cd", bytes: 9)] {
            let offer = JoinOffer(
                token: "t", url: "http://[::1]:1", platform: "Linux x86_64", program: program,
                trouble: program == nil ? "no loader" : nil)
            #expect(try JoinOffer(body: offer.body) == offer)
        }
    }
}
