import MusterHTTP
import MusterHTTPClient
import Testing

@testable import MusterRole

/// What a server is listed as must be of use to others.
@Suite struct ReachableURLTests {
    @Test(arguments: [
        ("127.0.0.1", "http://127.0.0.1:81"), ("::1", "http://[::1]:81"), ("10.1.2.3", "http://10.1.2.3:81"),
    ])
    func oneAddressIsTold(_ host: String, _ url: String) {
        var server = HTTPServer.Configuration()
        server.host = host
        #expect(reachableURL(server, port: 81) == url)
    }

    /// Not by the machine's name, which others need not know, nor by its loopback, which is everybody's own.
    @Test(.enabled(if: ownAddress() != nil, "this machine has no network"))
    func whereAllAreServedOneIsToldThatOthersCanUse() async throws {
        var configuration = HTTPServer.Configuration()
        configuration.host = "0.0.0.0"
        let server = HTTPServer(configuration, routes: [HTTPRoute("GET", "/here") { _ in .respond(.text("yes")) }])
        try server.start()
        let url = reachableURL(configuration, port: server.port)
        #expect(!url.contains("127.0.0.1") && !url.contains("0.0.0.0"))
        #expect(url.dropFirst("http://".count).first.map { $0.isNumber || $0 == "[" } == true, "an address: \(url)")
        let client = HTTPClient(HTTPClient.Configuration())
        let answer = try await client.send(HTTPClientRequest("GET", url + "/here", timeout: .seconds(20)))
        #expect(answer.status == 200 && String(decoding: answer.body, as: UTF8.self) == "yes")
        client.close()
        await server.shutdown(graceSeconds: 0)
    }
}
