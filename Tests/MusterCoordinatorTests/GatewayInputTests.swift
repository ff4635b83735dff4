import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

/// Questions to the gateway while there is no worker: nothing here needs one.
@Suite struct GatewayInputTests {
    static let pictures: [(query: String, named: String)] = [
        ("width=0", "0"), ("width=-5", "-5"), ("width=1.5", "1.5"), ("width=ten", "ten"), ("width=", "width"),
        ("width", "width"), ("width=99999999999999999999", "99999999999999999999"), ("height=1048577", "1048577"),
        ("height=NaN", "NaN"), ("escape=0", "not 0"), ("escape=-1", "-1"), ("escape=1000000001", "1000000001"),
        ("re=NaN", "NaN"), ("re=nan", "nan"), ("re=1e400", "1e400"), ("re=1000001", "1000001"), ("im=inf", "inf"),
        ("im=-Infinity", "-Infinity"), ("im=0x10", "0x10"), ("span=0", "not 0"), ("span=-1", "-1"),
        ("span=1e-301", "1e-301"), ("span=1e7", "1e7"), ("span=NaN", "NaN"), ("palette=pink", "pink"),
        ("zoom=3", "zoom"), ("Width=3", "Width"), ("width=1&width=1", "width"), ("re=1&im=0&re=2", "re"),
        ("width=1000000&height=1000000", "1000000 x 1000000"), ("escape=1000000000", "1920 x 1080 x 1000000000"),
        ("firstColumn=1", "firstColumn"), ("columns=1", "columns"),
    ]

    @Test(arguments: pictures)
    func wrongPictures(_ query: String, _ named: String) async throws {
        try await withCoordinator { coordinator in
            for method in ["GET", "HEAD"] {
                let response = coordinator.ask(method, "/mandelbrot.png?" + query, headOnly: method == "HEAD")
                #expect(response?.status == 422)
                if method == "HEAD" { continue }
                let refused = try detail(response, is: 422)
                #expect(refused.contains(named), "\(refused)")
            }
        }
    }

    static let tiles: [(path: String, status: Int, named: String)] = [
        ("-1/0/0.png", 422, "-1"), ("41/0/0.png", 422, "41"), ("0/1/0.png", 422, "not 1"), ("0/0/1.png", 422, "not 1"),
        ("3/-1/0.png", 422, "-1"), ("3/0/8.png", 422, "8"), ("3/+1/0.png", 422, "+1"), ("03/0/0.png", 422, "03"),
        ("1.5/0/0.png", 422, "1.5"), ("NaN/0/0.png", 422, "NaN"), ("1/0/x.png", 422, "\"x\""),
        ("99999999999999999999/0/0.png", 422, "99999999999999999999"), ("0/0/0.png?palette=mud", 422, "palette"),
        ("0/0/0.png?width=9", 422, "width"),
        ("1/0/0.jpg", 404, ""), ("1/0/0", 404, ""), ("1/0.png", 404, ""), ("1/0/0.png/0", 404, ""),
        ("1/0/.png", 422, ""),
    ]

    @Test(arguments: tiles)
    func wrongTiles(_ path: String, _ status: Int, _ named: String) async throws {
        try await withCoordinator { coordinator in
            let refused = try detail(coordinator.ask("GET", "/tiles/" + path), is: status)
            if !named.isEmpty { #expect(refused.contains(named), "\(refused)") }
        }
    }

    @Test(arguments: ["/mandelbrot.png", "/tiles/3/4/5.png"])
    func withoutAWorker(_ path: String) async throws {
        try await withCoordinator { coordinator in
            let response = coordinator.ask("GET", path)
            #expect(try detail(response, is: 503).contains("No worker"))
            #expect(response?["retry-after"].flatMap { Int($0) } != nil)
            let page = try #require(coordinator.ask("GET", "/metrics", token: coordinator.tokens.read)).text
            #expect(page.contains("\nmuster_tasks_waiting 0\n"))
        }
    }

    /// What a client has already, and what it asks the headers of, is computed by nobody.
    @Test(arguments: ["/mandelbrot.png", "/mandelbrot.png?width=9&palette=raw", "/tiles/3/4/5.png"])
    func tagsNeedNoWorker(_ path: String) async throws {
        try await withCoordinator { coordinator in
            let head = try #require(coordinator.ask("HEAD", path, headOnly: true))
            #expect(head.status == 200 && head["content-type"] == "image/png")
            #expect(head["cache-control"]?.contains("public") == true)
            let tag = try #require(head["etag"])
            #expect(tag.hasPrefix("\"") && tag.hasSuffix("\"") && tag.count > 2)
            func ask(_ known: String) -> RawResponse? {
                RawClient(port: coordinator.port).ask("GET", path, headers: [("If-None-Match", known)])
            }
            for known in [tag, "W/" + tag, "*", "\"other\", " + tag, tag + ",\"other\""] {
                let same = try #require(ask(known))
                #expect(same.status == 304, "\(known)")
                #expect(same.body.isEmpty && same["etag"] == tag)
                // Nobody made it yet: how long it is, nobody knows.
                #expect(same["content-length"] == nil && head["content-length"] == nil)
            }
            for known in ["\"other\"", String(tag.dropLast(2)) + "\"", ""] {
                #expect(ask(known)?.status == 503, "\(known)")
            }
        }
    }

    @Test func eachQuestionHasItsOwnTag() async throws {
        try await withCoordinator { coordinator in
            let paths = [
                "?width=9", "?width=8", "?height=9", "?escape=9", "?re=0.25", "?im=0.25", "?span=1", "?palette=raw",
            ]
            .map { "/mandelbrot.png" + $0 }
            let tags = paths.map { coordinator.ask("HEAD", $0, headOnly: true)?["etag"] ?? "" }
            #expect(Set(tags).count == paths.count && !tags.contains(""))
            // The same question in other words.
            let again = coordinator.ask("HEAD", "/mandelbrot.png?im=0&width=9&re=-0.5", headOnly: true)
            #expect(again?["etag"] == tags[0])
        }
    }
}
