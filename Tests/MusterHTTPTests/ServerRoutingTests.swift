import MusterServerKit
import MusterWire
import Testing

@testable import MusterHTTP

@Suite struct ServerRoutingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var method = "GET"
        var target: String
        var status: Int
        var text: String?
        var testDescription: String { "\(method) \(target)" }

        init(_ target: String, _ status: Int, _ text: String? = nil, method: String = "GET") {
            (self.method, self.target, self.status, self.text) = (method, target, status, text)
        }
    }

    static let cases: [Case] = [
        Case("/hello", 200, "hello"),
        Case("//hello", 200, "hello"),
        Case("//v1//jobs", 200, "jobs"),
        Case("/v1/jobs/", 200, "jobs"),
        Case("/%76%31/jobs", 200, "jobs"),
        Case("/v1/jobs/17", 200, "17"),
        Case("/v1/jobs/special", 200, "literal"),
        Case("/v1/jobs/a%20b", 200, "a b"),
        Case("/v1/jobs/a+b", 200, "a+b"),
        Case("/v1/jobs/%C3%BC", 200, "ü"),
        Case("/v1/jobs/..%2f..%2fetc%2fpasswd", 200, "../../etc/passwd"),
        Case("/v1/jobs/%2e%2e", 200, ".."),
        Case("/v1/jobs/%00", 200, "\0"),
        Case("/v1/jobs/../../etc/passwd", 404),
        Case("/..%2f..%2fetc%2fpasswd", 404),
        Case("/../../etc/passwd", 404),
        Case("/v1%2fjobs", 404),
        Case("/", 404),
        Case("/V1/jobs", 404),
        Case("/hello/there", 404),
        Case("/v1/jobs/1/2", 404),
        Case("/v1/jobs/%", 400),
        Case("/v1/jobs/%4", 400),
        Case("/v1/jobs/%zz", 400),
        Case("/v1/jobs/%ff", 400),
        Case("/v1/jobs/%c0%af", 400),
        Case("/query?a=%", 400),
        Case("/query?%ed%a0%80=1", 400),
        Case("/query", 200, ""),
        Case("/query?", 200, ""),
        Case("/query?a=b+c&d=e%2Bf&g", 200, "a=b c;d=e+f;g=;"),
        Case("/query?a=1&a=2&&=3", 200, "a=1;a=2;=3;"),
        Case("/query?a=b=c?d", 200, "a=b=c?d;"),
        Case("/fails", 500),
        Case("/v1/jobs/17", 200, "deleted 17", method: "DELETE"),
        Case("/v1/jobs/17", 405, method: "PUT"),
        Case("/hello", 405, method: "POST"),
        Case("/hello", 405, method: "DELETE"),
        Case("/hello", 405, method: "get"),
        Case("/hello", 405, method: "OPTIONS"),
        Case("/hello", 405, method: "BREW"),
        Case("/body", 405, method: "GET"),
        Case("/nowhere", 404, method: "BREW"),
        Case("/prepared", 200, "ready"),
        Case("/prepared?x=1", 200, "ready"),
        Case("//prepared", 200, "ready"),
        Case("http://a/v1/jobs/17", 200, "deleted 17", method: "DELETE"),
        Case("HTTP://a:80/query?a=1", 200, "a=1;"),
        Case("http://a", 404),
    ]

    @Test(arguments: cases)
    func routes(_ wanted: Case) async throws {
        let response = try await withTestServer { server in server.client().ask(wanted.method, wanted.target) }
        let answer = try #require(response)
        #expect(answer.status == wanted.status, "\(answer.text)")
        if let text = wanted.text { #expect(answer.text == text) }
        if answer.status >= 400 {
            #expect(answer["content-type"] == Problem.contentType)
            #expect(answer.text.contains("\"status\":\(wanted.status)"))
        }
    }

    @Test(arguments: [
        ("POST", "/hello", "GET, HEAD"), ("PUT", "/v1/jobs/1", "DELETE, GET, HEAD"), ("GET", "/body", "POST"),
        ("GET", "/upload", "POST"),
    ])
    func otherMethodsAreListed(_ method: String, _ target: String, _ allowed: String) async throws {
        let response = try await withTestServer { server in server.client().ask(method, target) }
        #expect(response?.status == 405)
        #expect(response?["allow"] == allowed)
    }

    @Test(arguments: ["/hello", "/prepared", "/v1/jobs/17", "/nowhere"])
    func headIsGetWithoutBody(_ target: String) async throws {
        try await withTestServer { server in
            let client = server.client()
            let get = try #require(client.ask("GET", target))
            let head = try #require(client.ask("HEAD", target))
            #expect(head.status == get.status)
            #expect(head["content-length"] == get["content-length"])
            #expect(head["content-type"] == get["content-type"])
            // A body that was sent all the same would be taken for the next answer.
            #expect(client.ask("GET", "/hello")?.text == "hello")
        }
    }

    @Test func headOfAStreamEnds() async throws {
        try await withTestServer { server in
            let client = server.client()
            #expect(client.ask("HEAD", "/stream")?.status == 200)
            // The producer of a body that nobody wants is told so.
            #expect(server.notices.wait() != nil)
            #expect(server.streams.wait()?.isClosed == true)
        }
    }

    @Test func refusalsOfTheFilterComeBeforeTheBody() async throws {
        let refuse: @Sendable (HTTPRequest) throws -> Void = { request in
            if request.header("authorization") != "Bearer yes" { throw Problem(401, "no") }
        }
        try await withTestServer(authorize: refuse) { server in
            let client = server.client()
            client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
            let refused = try #require(client.response())
            #expect(refused.status == 401)
            #expect(refused["www-authenticate"] == #"Bearer realm="muster", error="invalid_token""#)
            let allowed = server.client().ask("POST", "/body", "AUTHORIZATION: Bearer yes\r\n", body: "ok")
            #expect(allowed?.text == "ok")
        }
    }

    /// A stranger's request line must not be able to write into a terminal or to break the answer's JSON.
    @Test func targetsInProblemsAreEscaped() async throws {
        let response = try await withTestServer { server in server.client().ask("GET", "/a\u{1B}[31m\"\\x") }
        let answer = try #require(response)
        #expect(answer.status == 404 || answer.status == 400)
        #expect(!answer.body.contains(0x1B))
        let fields = try JSONFields(body: answer.body)
        withExtendedLifetime(fields) {}
    }
}
