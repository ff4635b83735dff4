import Glibc
import MusterJSON
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

/// What old clients send, right and wrong.
@Suite struct ClassicRouteTests {
    private static let urlencoded = "application/x-www-form-urlencoded"
    private static let multipart = "multipart/form-data; boundary=XyZ"

    private static func multipartBody(_ form: String) -> String {
        form.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", omittingEmptySubsequences: false)
            return "--XyZ\r\nContent-Disposition: form-data; name=\"\(parts[0])\"\r\n\r\n\(parts[1])\r\n"
        }.joined() + "--XyZ--\r\n"
    }

    private static func draw(_ coordinator: TestCoordinator, _ body: String, _ type: String?) -> RawResponse? {
        coordinator.ask(
            "POST", "/get_mbrot", token: coordinator.tokens.admin, body: body,
            headers: type.map { [("Content-Type", $0)] } ?? [])
    }

    static let goodForms = [
        "id=0&total=4&width=100&escape=50&server=10.0.0.1&port=1", "width=100", "id=3&total=4&width=100",
        "escape=1", "server=%2e%2e&port=x", "id=0&total=100&width=100",
    ]

    /// 503: it was understood, and there is no worker.
    @Test(arguments: goodForms)
    func goodFormsAreTaken(_ form: String) async throws {
        try await withCoordinator { coordinator in
            for (body, type) in [(form, Self.urlencoded), (Self.multipartBody(form), Self.multipart)] {
                let waited = try detail(Self.draw(coordinator, body, type), is: 503)
                #expect(waited.contains("No worker"), "\(waited)")
            }
        }
    }

    static let badForms: [(form: String, named: String)] = [
        ("id=4&total=4", "not \"4\""), ("id=-1&total=4", "-1"), ("id=x&total=4", "\"x\""), ("id=&total=4", "id"),
        ("id=1", "total"), ("total=2", "id"), ("id=0&total=0", "total"), ("id=0&total=-4", "-4"),
        ("id=0&total=1.5", "1.5"),
        ("id=0&total=4097&width=10000", "4097"), ("id=0&total=101&width=100", "101"), ("width=0", "width"),
        ("width=-1", "-1"), ("width=NaN", "NaN"), ("width=99999999999999999999", "99999999999999999999"),
        ("width=1000000", "1000000 x 666666"), ("escape=0", "escape"), ("escape=1000000001", "1000000001"),
        ("colour=red", "colour"), ("height=3", "height"), ("width=1&width=1", "width"), ("Width=1", "Width"),
    ]

    @Test(arguments: badForms)
    func badFormsAreRefused(_ form: String, _ named: String) async throws {
        try await withCoordinator { coordinator in
            for (body, type) in [(form, Self.urlencoded), (Self.multipartBody(form), Self.multipart)] {
                let refused = try detail(Self.draw(coordinator, body, type), is: 422)
                #expect(refused.contains(named), "\(refused)")
            }
        }
    }

    @Test func aFormWithoutABoundaryIsRefused() async throws {
        try await withCoordinator { coordinator in
            let refused = try detail(Self.draw(coordinator, "width=100", "multipart/form-data"), is: 400)
            #expect(refused.contains("boundary"), "\(refused)")
        }
    }

    @Test(arguments: ["application/json", "text/plain", "multipart/mixed; boundary=XyZ", nil])
    func otherTypesAreRefused(_ type: String?) async throws {
        try await withCoordinator { coordinator in
            let refused = try detail(Self.draw(coordinator, "width=100", type), is: 415)
            #expect(refused.contains(Self.urlencoded), "\(refused)")
        }
    }

    static let badServers: [(body: String, status: Int, named: String)] = [
        ("", 400, ""), ("{}", 422, "name"), (#"{"name":"a"}"#, 422, "port"), (#"{"port":"1"}"#, 422, "name"),
        (#"{"name":"","port":"1"}"#, 422, "name"), (#"{"name":"a b","port":"1"}"#, 422, "a b"),
        (#"{"name":"a:81","port":"1"}"#, 422, "a:81"),
        (#"{"name":"a/..","port":"1"}"#, 422, "a/.."), (#"{"name":"a@b","port":"1"}"#, 422, "a@b"),
        (#"{"name":"a","port":"0"}"#, 422, "port"), (#"{"name":"a","port":"65536"}"#, 422, "65536"),
        (#"{"name":"a","port":-1}"#, 422, "-1"), (#"{"name":"a","port":80}"#, 422, "80"),
        (#"{"name":"a","port":1.5}"#, 422, "1.5"),
        (#"{"name":"a","port":"x"}"#, 422, "x"), (#"{"name":1,"port":"1"}"#, 422, "name"),
        (#"{"name":"a","port":"1","zone":"x"}"#, 422, "zone"), (#"[]"#, 422, ""), ("{", 400, ""),
        ("{\"name\":\"\(String(repeating: "a", count: 254))\",\"port\":\"1\"}", 422, "name"),
    ]

    @Test(arguments: badServers)
    func badServersAreRefused(_ body: String, _ status: Int, _ named: String) async throws {
        try await withCoordinator { coordinator in
            let tokens = coordinator.tokens
            let response = coordinator.ask("POST", "/prox_connected", token: tokens.join, body: body)
            let refused = try detail(response, is: status)
            #expect(named.isEmpty || refused.contains(named), "\(refused)")
            #expect(coordinator.ask("GET", "/get_servers", token: tokens.read)?.text == "[]")
        }
    }

    /// The members of each entry, in order, all strings.
    private static func listed(_ coordinator: TestCoordinator) throws -> [[String]] {
        let response = try #require(coordinator.ask("GET", "/get_servers", token: coordinator.tokens.read))
        #expect(response.status == 200)
        return try #require(JSONValue(parsing: response.body).elements).map { entry in
            try #require(entry.members).map { "\($0.key)=\(try #require($0.value.string))" }
        }
    }

    @Test func workersAreListedByRankWithTwoFields() async throws {
        try await withCoordinator { coordinator in
            for name in ["zeta", "alpha"] { _ = try coordinator.join("{\"name\":\"\(name)\"}") }
            _ = try coordinator.join(#"{"name":"onlooker","role":"client"}"#)
            let port = "port=\(coordinator.port)"
            let found = try Self.listed(coordinator)
            #expect(found == [["name=zeta", port], ["name=alpha", port]])
        }
    }

    @Test func signedUpServersAreListedWhileTheyAnswer() async throws {
        let answering = ScriptedUpstream { $1.answer(200) }
        let failing = ScriptedUpstream { $1.answer(500) }
        let silent = ScriptedUpstream { _, _ in }
        defer { for server in [answering, failing, silent] { server.stop() } }
        try await withCoordinator { coordinator in
            let tokens = coordinator.tokens
            // Signing up again changes nothing.
            let ports = [answering, failing, silent, answering].map { "\"\($0.port)\"" } + ["\"1\""]
            for port in ports {
                let body = "{\"name\":\"127.0.0.1\",\"port\":\(port)}"
                let response = coordinator.ask("POST", "/prox_connected", token: tokens.join, body: body)
                #expect(response?.status == 200 && response?.text == #"{"message":"Successfully registered to proxy"}"#)
            }
            let none = try Self.listed(coordinator)
            #expect(none == [], "without a worker nobody would compute what is asked of them")
            _ = try coordinator.join(#"{"name":"worker"}"#)
            let worker = ["name=worker", "port=\(coordinator.port)"]
            let wanted = [worker, ["name=127.0.0.1", "port=\(answering.port)"]]
            for _ in 0..<2 {
                let found = try Self.listed(coordinator)
                #expect(found == wanted)
            }
            let asked = Set(answering.seen.map { "\($0.method) \($0.target) \($0.version)" })
            #expect(asked == ["GET /up HTTP/1.1"])
            answering.stop()
            let left = try Self.listed(coordinator)
            #expect(left == [worker])
        }
    }
}
