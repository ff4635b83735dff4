import Glibc
import MusterAPI
import MusterServerKit
import Testing

@testable import MusterHTTP

/// A client that never lets the idle time run out, and never finishes either: its head, or its body.
@Suite(.serialized) struct ServerSlowHeadTests {
    /// Sends a byte every so often until the connection is closed; false when it was not, in half a minute.
    private func drips(_ client: RawClient, _ byte: UInt8 = UInt8(ascii: "x")) -> Bool {
        for _ in 0..<1_500 {
            guard client.send([byte]) else { return true }
            usleep(20_000)
        }
        return false
    }

    @Test(arguments: [
        "", "GET /hello HTTP/1.1\r\nHost: a\r\nX: ", "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nX: ",
    ])
    func aHeadThatDripsForEverIsCut(_ start: String) async throws {
        try await withTestServer(.with { $0.limits.headSeconds = 1 }) { server in
            let client = server.client()
            client.send(start)
            #expect(drips(client))
            for _ in 0..<10_000 where server.server.statistics.connections > 0 { usleep(500) }
            #expect(server.server.statistics.connections == 0)
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
        }
    }

    /// The second of a connection no less than the first.
    @Test func theNextHeadOfAConnectionToo() async throws {
        try await withTestServer(.with { $0.limits.headSeconds = 1 }) { server in
            let client = server.client()
            for _ in 0..<3 { #expect(client.ask("GET", "/hello")?.text == "hello") }
            client.send("GET /hello HTTP/1.1\r\nX: ")
            #expect(drips(client))
        }
    }

    /// Neither a pause between requests, nor a request that takes long to answer, nor a body that drips is a slow head.
    @Test func whatOnlyTakesLongIsNotCut() async throws {
        try await withTestServer(.with { $0.limits.headSeconds = 1 }) { server in
            let (idle, held, body) = (server.client(), server.client(), server.client())
            #expect(idle.ask("GET", "/hello")?.text == "hello")
            held.request("GET", "/held")
            let request = try #require(server.held.wait())
            let text = String(repeating: "x", count: 120)
            body.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: \(text.utf8.count)\r\n\r\n")
            // Meanwhile two that are cut show that the time is over, more than once.
            let dripping = server.client()
            for byte in text.utf8 {
                #expect(body.send([byte]))
                _ = dripping.send([byte])
                usleep(20_000)
            }
            #expect(drips(dripping))
            #expect(drips(server.client()))
            #expect(body.response()?.text == text)
            request.respond(.text("patience"))
            #expect(held.response()?.text == "patience")
            #expect(idle.ask("GET", "/hello")?.text == "hello")
        }
    }

    /// Many requests, each in time, are no slow head.
    @Test func aBusyConnectionIsNotCut() async throws {
        try await withTestServer(.with { $0.limits.headSeconds = 1 }) { server in
            let (client, dripping) = (server.client(), server.client())
            var isCut = false
            for _ in 0..<3_000 where !isCut {
                #expect(client.ask("GET", "/hello")?.text == "hello")
                isCut = !dripping.send("x")
                usleep(10_000)
            }
            #expect(isCut)
            #expect(client.ask("GET", "/hello")?.text == "hello")
        }
    }

    struct Look: Sendable {
        var heads: Int?
        var bytes: UInt64
        var atMs: Int
        var isOverdue = false
    }

    static let stories: [[Look]] = [
        // Nothing comes: the idle time's business.
        [Look(heads: 0, bytes: 0, atMs: 0), Look(heads: 0, bytes: 0, atMs: 90_000)],
        [
            Look(heads: 0, bytes: 5, atMs: 0), Look(heads: 0, bytes: 9, atMs: 999),
            Look(heads: 0, bytes: 9, atMs: 1_000, isOverdue: true),
        ],
        // In time, then quiet.
        [
            Look(heads: 0, bytes: 5, atMs: 0), Look(heads: 1, bytes: 80, atMs: 900),
            Look(heads: 1, bytes: 80, atMs: 90_000),
        ],
        // A new request between any two looks.
        [
            Look(heads: 3, bytes: 300, atMs: 0), Look(heads: 5, bytes: 500, atMs: 1_000),
            Look(heads: 9, bytes: 900, atMs: 2_000),
        ],
        // Under way for long; the bytes of its body are none of a head.
        [
            Look(heads: 0, bytes: 5, atMs: 0), Look(heads: nil, bytes: 500, atMs: 500),
            Look(heads: nil, bytes: 900, atMs: 5_000),
            Look(heads: 1, bytes: 999, atMs: 9_000), Look(heads: 1, bytes: 999, atMs: 90_000),
            Look(heads: 1, bytes: 1_000, atMs: 91_000), Look(heads: 1, bytes: 1_001, atMs: 92_000, isOverdue: true),
        ],
    ]

    @Test(arguments: stories) func looks(_ story: [Look]) {
        var head = SlowHead()
        for look in story {
            #expect(
                head.isOverdue(heads: look.heads, bytes: look.bytes, nowMs: look.atMs, limitMs: 1_000) == look.isOverdue
            )
        }
    }

    // MARK: Bodies

    @Test(arguments: [
        "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n",
        "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n",
        "POST /upload/unread HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n",
    ])
    func aBodyThatDripsForEverIsCut(_ head: String) async throws {
        try await withTestServer(.with { $0.limits.bodySeconds = 1 }) { server in
            let client = server.client()
            client.send(head)
            #expect(drips(client))
            for _ in 0..<10_000 where server.server.statistics.connections > 0 { usleep(500) }
            #expect(server.server.statistics.connections == 0)
            #expect(server.client().ask("GET", "/hello")?.text == "hello")
        }
    }

    /// Neither an answer that takes long, nor one that its client reads slowly, nor an upload that the server does not take.
    @Test func whatIsNoSlowBodyIsNotCut() async throws {
        try await withTestServer(.with { $0.limits.bodySeconds = 1 }) { server in
            let (held, stream, late) = (server.client(), server.client(), server.client())
            held.request("POST", "/held", body: "x")
            stream.request("GET", "/stream")
            let (request, body) = (try #require(server.held.wait()), try #require(server.streams.wait()))
            late.request("POST", "/upload/late", "Content-Length: \(32 << 20)\r\n")
            let upload = Handed(late)
            let sending = Kept<Bool>()
            runThread { sending.add(upload.value.send([UInt8](repeating: 1, count: 32 << 20))) }
            // Meanwhile two that are cut show that the time is over, more than once.
            for _ in 0..<2 {
                let dripping = server.client()
                dripping.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n")
                #expect(drips(dripping))
            }
            request.respond(.text("patience"))
            #expect(held.response()?.text == "patience")
            _ = body.write(Array("whole".utf8))
            body.finish()
            #expect(stream.response()?.text == "whole")
            server.goOn.open()
            #expect(sending.wait() == true)
            #expect(late.response()?.text == "\(32 << 20)")
        }
    }

    /// `@unchecked Sendable`: one thread writes, the other reads.
    private struct Handed: @unchecked Sendable {
        let value: RawClient
        init(_ value: RawClient) { self.value = value }
    }

    struct BodyLook: Sendable {
        var request: Int? = 1
        var holds: Int? = 0
        var bytes: UInt64
        var at: Int
        var isOverdue = false
    }

    /// A second, and another for each 1,000 bytes.
    static let bodyStories: [[BodyLook]] = [
        [BodyLook(bytes: 0, at: 0), BodyLook(bytes: 0, at: 1_000), BodyLook(bytes: 0, at: 1_001, isOverdue: true)],
        // What came before its first look counts for none.
        [
            BodyLook(bytes: 900, at: 0), BodyLook(bytes: 950, at: 1_050),
            BodyLook(bytes: 950, at: 1_051, isOverdue: true),
        ],
        [
            BodyLook(bytes: 0, at: 0), BodyLook(bytes: 1_000, at: 2_000), BodyLook(bytes: 9_000, at: 10_000),
            BodyLook(bytes: 9_000, at: 10_001, isOverdue: true),
        ],
        // The next body begins anew, and so does one behind a pause.
        [
            BodyLook(bytes: 0, at: 0), BodyLook(request: 2, bytes: 10, at: 5_000),
            BodyLook(request: 2, bytes: 10, at: 6_000),
            BodyLook(request: nil, bytes: 10, at: 60_000), BodyLook(request: 3, bytes: 11, at: 61_000),
            BodyLook(request: 3, bytes: 11, at: 62_000), BodyLook(request: 3, bytes: 11, at: 62_002, isOverdue: true),
        ],
        // While the server took nothing, or did not at some moment since the last look, time does not count.
        [
            BodyLook(bytes: 0, at: 0), BodyLook(holds: nil, bytes: 0, at: 5_000),
            BodyLook(holds: 1, bytes: 0, at: 9_000),
            BodyLook(holds: 2, bytes: 0, at: 20_000), BodyLook(holds: 2, bytes: 0, at: 21_000),
            BodyLook(holds: 2, bytes: 0, at: 21_001, isOverdue: true),
        ],
    ]

    @Test(arguments: bodyStories) func looksAtBodies(_ story: [BodyLook]) {
        var body = SlowBody()
        for look in story {
            let seen = SlowBody.Look(request: look.request, holds: look.holds, bytes: look.bytes, at: look.at)
            #expect(body.isOverdue(seen, limitMs: 1_000, bytesPerSecond: 1_000) == look.isOverdue, "\(look)")
        }
    }
}
