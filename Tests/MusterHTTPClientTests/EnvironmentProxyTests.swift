import Testing

@testable import MusterHTTPClient

/// Which proxy is named where one does not answer.
@Suite struct EnvironmentProxyTests {
    private static let proxy = "http://user:secret@proxy.example:3128"
    private static let shown = "http://proxy.example:3128"

    private func proxy(_ url: String, _ variables: [String: String]) -> EnvironmentProxy? {
        EnvironmentProxy(for: HTTPClientRequest("GET", url)) { variables[$0] }
    }

    @Test(arguments: [
        ("http://a.example/", "http_proxy"), ("https://a.example/", "https_proxy"),
        ("HTTPS://a.example/", "HTTPS_PROXY"),
        ("http://a.example/", "all_proxy"), ("https://a.example/", "ALL_PROXY"),
    ])
    func itsVariableIsNamed(_ url: String, _ name: String) {
        let found = proxy(url, [name: Self.proxy])
        #expect(found?.name == name && found?.url == Self.shown)
    }

    /// As curl(1): HTTP_PROXY may come from a request's header where a program is run by a web server.
    @Test(arguments: ["HTTP_PROXY", "https_proxy", "no_proxy"]) func othersAreNotMeant(_ name: String) {
        #expect(proxy("http://a.example/", [name: Self.proxy]) == nil)
        #expect(proxy("http://a.example/", ["http_proxy": ""]) == nil)
    }

    @Test(arguments: [
        ("a.example", "a.example", true), ("A.Example", "a.example", true), ("b.a.example", "a.example", true),
        ("b.a.example", ".a.example", true), ("ba.example", "a.example", false), ("a.example", "b.example", false),
        ("anything", "*", true), ("10.1.2.3", "10.0.0.0/8", true), ("11.1.2.3", "10.0.0.0/8", false),
        ("10.1.2.3", "x, 10.1.2.3", true), ("[fd00::1]", "fd00::/8", true), ("10.1.2.3", "fd00::/8", false),
        ("10.1.2.3", "10.0.0.0/99", false),
    ])
    func hostsThatNeedNone(_ host: String, _ direct: String, _ isDirect: Bool) {
        for name in ["no_proxy", "NO_PROXY"] {
            let found = proxy("http://\(host):8080/x", ["http_proxy": Self.proxy, name: direct])
            #expect((found == nil) == isDirect)
        }
    }

    @Test func theErrorNamesIt() throws {
        let request = HTTPClientRequest("GET", "http://a.example/")
        let found = try #require(proxy(request.url, ["http_proxy": Self.proxy]))
        let error = HTTPClientError(.connect, "no connection", request: request, proxy: found)
        #expect(error.reason.contains(Self.shown) && error.reason.contains("http_proxy"))
        #expect(error.message.contains(error.reason) && !error.message.contains("secret"))
    }
}
