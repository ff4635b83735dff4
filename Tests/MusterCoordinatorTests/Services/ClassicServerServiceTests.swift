import MusterCallbacks
import MusterCore
import MusterFleetCore
import MusterHTTP
import MusterHTTPClient
import MusterMembership
import MusterPictures
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServices
import MusterStore
import MusterWire
import Testing

@testable import MusterCoordinator

@Suite struct ClassicServerServiceTests {
    private func service(_ bench: ServiceBench) -> ClassicServerService {
        let client = HTTPClient(HTTPClient.Configuration(usesProxies: false))
        return ClassicServerService(
            bench.common, servers: ClassicServers(client: client),
            rules: CallbackRules(networks: CallbackNetworks(["127.0.0.0/8"].compactMap { IPNetwork($0) })),
            listener: Listener(HTTPServer.Configuration(), advertisedURL: nil))
    }

    @Test("listed are workers, at the gateway's own port")
    func workers() async throws {
        try await withBench { bench in
            let service = service(bench)
            bench.member(1, "w")
            bench.member(2, "onlooker", role: .client)
            let list = try await bench.ask(service, .getServers, token: bench.tokens.read)
            #expect(list.text == #"[{"name":"w","port":"0"}]"#)
        }
    }

    @Test("who is signed up must be where this coordinator may call, and is listed while it answers")
    func signUp() async throws {
        try await withBench { bench in
            let service = service(bench)
            bench.member(1, "w")
            for (host, status) in [("127.0.0.1", 200), ("8.8.8.8", 422), ("a:1", 422)] {
                let body = #"{"name":"\#(host)","port":"1"}"#
                let answer = try await bench.ask(service, .proxConnected, token: bench.tokens.join, body: body)
                #expect(answer.status == status, "\(host): \(answer.text)")
            }
            let list = try await bench.ask(service, .getServers, token: bench.tokens.read)
            #expect(list.text == #"[{"name":"w","port":"0"}]"#)
        }
    }
}
