import MusterHTTP
import MusterRoutes
import MusterServices
import Testing

@testable import MusterCoordinator

/// How a browser comes in.
@Suite struct SignInServiceTests {
    @Test("a link signs a browser in once, and only by GET")
    func signIn() async throws {
        try await withBench { bench in
            let service = SignInService(bench.common, isTLS: true)
            let code = try #require(service.newLink().split(separator: "=").last.map(String.init))
            let answer = try await bench.ask(service, .signIn, query: [("code", code)])
            #expect(answer.status == 200)
            #expect(answer.headers.first { $0.name == "Set-Cookie" }?.value.contains("Secure") == true)
            do {
                let status = try await bench.ask(service, .signIn, query: [("code", code)]).status
                #expect(status == 403)
            }
            do {
                let status = try await bench.ask(service, .signIn).status
                #expect(status == 422)
            }
        }
    }
}
