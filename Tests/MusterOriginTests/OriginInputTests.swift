import Glibc
import MusterAPI
import MusterHTTPClient
import MusterServerKit
import MusterSystem
import MusterWire
import Testing

@testable import MusterOrigin

/// What an origin refuses, and how.
@Suite struct OriginInputTests {
    private static let badIDs = [
        "-1", "+1", "01", "00", "1.0", "1e3", "0x1", "%31%20", "%D9%A1", "1000000000000000000000000000000",
        "9223372036854775808", "..%2f..%2fetc%2fpasswd", "1%2f2", "%2e%2e", "a", "1;2", "7.image", "%00",
    ]

    /// Refused by what they are, before any file is looked at.
    @Test(arguments: badIDs)
    func anIDIsAWholeNumber(_ id: String) async throws {
        try await withOrigin { origin in
            for method in ["GET", "PUT", "DELETE"] {
                let body = method == "PUT" ? Array("x".utf8) : nil
                let answer = try origin.ask(method, "/images/" + id, body: body)
                let text = try detail(answer, is: 422)
                #expect(text.contains("no image's id"), "\(method): \(text)")
            }
            #expect(try origin.ask("HEAD", "/images/" + id).status == 422)
            #expect(try origin.ask("GET", "/images/\(id)/size").status == 422)
            #expect(listDirectory(origin.images) == [".muster"])
        }
    }

    @Test(arguments: [
        "/images/../images/0", "/images/1/2", "/images/1/size/3", "/etc/passwd", "/images/../../etc/passwd",
    ])
    func aPathLeadsNowhereElse(_ path: String) async throws {
        try await withOrigin { origin in
            let status = try origin.ask("GET", path).status
            #expect(status == 404 || status == 422)
        }
    }

    @Test(arguments: [0, 1, 7, Int64.max])
    func everyIDInRangeIsAnImage(_ id: Int64) async throws {
        try await withOrigin { origin in
            #expect(try origin.ask("GET", "/images/\(id)").status == 404)
            try origin.put(id, Array("bytes".utf8))
            #expect(try origin.ask("GET", "/images/\(id)").text == "bytes")
            #expect(try origin.ask("GET", "/images/\(id)/size").text == "{\"id\":\(id),\"size\":5}")
        }
    }

    @Test func headersThatDoNotFitAreRefused() async throws {
        try await withOrigin { origin in
            let cases: [(name: String, value: String, status: Int)] = [
                ("Content-Type", "image/" + String(repeating: "x", count: 250), 422),
                ("Content-Range", "bytes 0-0/1", 400),
                ("Content-Encoding", "gzip", 415),
                ("If-Match", "*", 412),
                ("If-Match", "\"1-abc\"", 412),
            ]
            for (name, value, status) in cases {
                let answer = try origin.ask("PUT", "/images/1", body: [1], headers: [(name, value)])
                _ = try detail(answer, is: status)
            }
            #expect(try origin.ask("GET", "/images/1").status == 404)
            #expect(origin.leftovers.isEmpty)
        }
    }

    @Test(arguments: [
        ("GET", "/images/1?width=3"), ("PUT", "/images/1?type=png"), ("GET", "/images?limit=0"),
        ("GET", "/images?limit=10001"), ("GET", "/images?after=-1"), ("GET", "/v1/changes?since=x"),
        ("GET", "/v1/changes?since=1&since=2"), ("GET", "/v1/changes?to=4"),
    ])
    func queriesAreChecked(_ method: String, _ target: String) async throws {
        try await withOrigin { origin in
            _ = try detail(try origin.ask(method, target, body: method == "PUT" ? [1] : nil), is: 422)
        }
    }

    @Test func aVersionToGoOnFromIsANumber() async throws {
        try await withOrigin { origin in
            let answer = try origin.ask("GET", "/v1/events", headers: [("Last-Event-ID", "-3")])
            #expect(try detail(answer, is: 400).contains("-3"))
        }
    }

    /// By its declared length before a byte of it is read, and by its bytes where none was declared.
    @Test func anImageThatIsTooLargeIsRefused() async throws {
        try await withOrigin {
            $0.imageBytesMax = 1_000
        } body: { origin in
            try origin.put(1, noise(1_000))
            _ = try detail(try origin.ask("PUT", "/images/1", body: noise(1_001)), is: 413)
            let chunked = RawClient(port: origin.origin.port)
            let piece = "400\r\n" + String(repeating: "x", count: 1_024) + "\r\n"
            chunked.send(
                Array(
                    ("PUT /images/1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n" + piece + "0\r\n\r\n").utf8))
            chunked.halfClose()
            let answer = try #require(chunked.rest())
            #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 413"))
            #expect(try origin.ask("GET", "/images/1").body == noise(1_000))
            #expect(origin.leftovers.isEmpty)
        }
    }

    /// A client that says more than it sends, and goes: nothing stays, and the old version does.
    @Test func aBodyThatEndsEarlyChangesNothing() async throws {
        try await withOrigin { origin in
            let before = try origin.put(5, Array("old".utf8))
            let client = RawClient(port: origin.origin.port)
            client.send(
                Array(
                    ("PUT /images/5 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\n"
                        + "Content-Length: 2000000\r\n\r\n").utf8) + noise(600_000))
            while origin.leftovers.isEmpty { usleep(1_000) }
            client.halfClose()
            while !origin.leftovers.isEmpty { usleep(1_000) }
            let now = try origin.ask("GET", "/images/5")
            #expect(now.text == "old" && now["etag"] == before.etag)
            #expect(try origin.changes().version == before.version)
        }
    }
}
