import Glibc
import MusterAPI
import MusterCallbacks
import MusterCore
import MusterHTTP
import MusterHTTPClient
import MusterPictures
import MusterServerKit
import Testing

@testable import MusterCoordinator
@testable import MusterRole

/// Whom a coordinator calls because somebody told it an address.
@Suite struct CallbackNetworkTests {
    private static let outside = [
        "http://169.254.169.254:80", "http://8.8.8.8", "http://[fd00:ec2::254]", "http://[fe80::1]:5000",
    ]

    @Test(arguments: outside)
    func nobodyIsCalledOutsideItsNetworks(_ url: String) async throws {
        try await withCoordinator { coordinator in
            let tokens = coordinator.tokens
            let host =
                url.dropFirst(7).split(separator: "]").count > 1 || url.contains("[")
                ? url.dropFirst(8).prefix { $0 != "]" } : url.dropFirst(7).prefix { $0 != ":" }
            let asked = [
                ("/assign-rank", #"{"ip_port":"\#(url)"}"#),
                ("/send-command", #"{"ip_port":"\#(url)","command":"GO"}"#),
                ("/v1/members", #"{"role":"client","callback":"\#(url)"}"#),
                ("/prox_connected", #"{"name":"\#(host)","port":"80"}"#),
            ]
            for (path, body) in asked {
                let refused = try detail(coordinator.ask("POST", path, token: tokens.join, body: body), is: 422)
                #expect(refused.contains("--callback-networks"), "\(path): \(refused)")
            }
            #expect(coordinator.ask("GET", "/v1/members", token: tokens.read)?.text.contains("8.8.8.8") == false)
        }
    }

    @Test func itsOwnLoopbackIsItsOwn() {
        let networks = ownPrivateNetworks()
        #expect(networks.networks.contains { $0.contains(IPAddress("127.0.0.1")!) })
        #expect(networks.networks.allSatisfy { $0.address.isPrivate })
    }

    /// A name may lead anywhere, and elsewhere the next time: what counts is the address that is connected to.
    @Test func namesAreFollowedToTheirAddress() async throws {
        let server = ScriptedUpstream { $1.answer(200) }
        defer { server.stop() }
        for (networks, isCalled) in [("10.0.0.0/8", false), ("127.0.0.0/8,::1", true)] {
            var settings = HTTPClient.Configuration(usesProxies: false)
            let allowed = try CallbackNetworks(list: networks)
            settings.mayConnect = { allowed.allow($0) }
            let client = HTTPClient(settings)
            defer { client.close() }
            let servers = ClassicServers(client: client)
            try servers.signUp(ClassicServers.Server(name: "localhost", port: Int(server.port)))
            #expect(await servers.answering().count == (isCalled ? 1 : 0))
            #expect(server.seen.isEmpty != isCalled)
        }
    }
}
