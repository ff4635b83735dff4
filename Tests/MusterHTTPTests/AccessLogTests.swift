import Glibc
import MusterAPI
import MusterJSON
import MusterServerKit
import MusterWire
import Synchronization
import Testing

@testable import MusterHTTP

/// The access log of a server that runs, read from the other end of a pipe.
@Suite(.timeLimit(.minutes(5))) struct AccessLogTests {
    private final class Pipe: Sendable {
        let writing: CInt
        private let reading: Mutex<CInt>

        init() {
            var ends: [CInt] = [0, 0]
            precondition(pipe(&ends) == 0)
            reading = Mutex(ends[0])
            writing = ends[1]
        }

        deinit {
            hangUp()
            close(writing)
        }

        /// Nobody reads any more.
        func hangUp() {
            reading.withLock { reading in
                if reading >= 0 { close(reading) }
                reading = -1
            }
        }

        /// So many lines. Blocks.
        func lines(_ count: Int) -> [String] {
            var bytes: [UInt8] = []
            var room = [UInt8](repeating: 0, count: 4_096)
            while bytes.count(where: { $0 == 0x0A }) < count {
                let got = read(reading.withLock { $0 }, &room, room.count)
                if got <= 0 { break }
                bytes += room[..<got]
            }
            return bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    private static func withLoggedServer(
        _ format: AccessFormat, routes: [HTTPRoute], _ body: @escaping @Sendable (UInt16, Pipe) throws -> Void
    ) async throws {
        let pipe = Pipe()
        let log = AccessLog(format, server: "test", descriptor: pipe.writing)
        let server = HTTPServer(.with { $0.accessLog = log }, routes: routes) { request in
            if request.path == ["closed"] { throw Problem(401, "No.") }
        }
        try server.start()
        let port = server.port
        try await onThread { try body(port, pipe) }
        await server.shutdown(graceSeconds: 0)
    }

    private static let routes = [
        HTTPRoute("GET", "/seven") { _ in .respond(.text("1234567")) },
        HTTPRoute("GET", "/closed") { _ in .respond(.text("secret")) },
        HTTPRoute("GET", "/life") { _ in .respond(.text("alive")) }.asSignOfLife,
        HTTPRoute("GET", "/prepared", prepared: PreparedBody(status: 200, headers: [], bytes: Array("abc".utf8))),
        HTTPRoute("GET", "/stream") { _ in
            let stream = HTTPStream()
            _ = stream.write(Array("12345".utf8))
            _ = stream.write(Array("67890".utf8))
            stream.finish()
            return .respond(HTTPResponse(status: 200, headers: [("X-Cache", "MISS")], body: .stream(stream)))
        },
    ]

    private static func get(_ port: UInt16, _ line: String) {
        let client = RawClient(port: port)
        _ = client.send("\(line)\r\nHost: a\r\nConnection: close\r\n\r\n")
        _ = client.rest()
    }

    /// Method, target, status and bytes of each line, in the order in which the requests ended.
    @Test func eachRequestHasALine() async throws {
        try await Self.withLoggedServer(.common, routes: Self.routes) { port, pipe in
            for line in [
                "GET /seven HTTP/1.1", "HEAD /seven HTTP/1.1", "GET /closed?token=abc HTTP/1.1", "GET /none HTTP/1.1",
                "GET /life HTTP/1.1", "GET /prepared HTTP/1.1", "GET /stream HTTP/1.1",
            ] { Self.get(port, line) }
            let lines = pipe.lines(6)
            #expect(lines.allSatisfy { $0.hasPrefix("127.0.0.1 - - [") })
            let told = lines.map { line in
                line.drop { $0 != "\"" }.split(separator: " ").joined(separator: " ")
            }
            #expect(told[0] == #""GET /seven HTTP/1.1" 200 7"#)
            #expect(told[1] == #""HEAD /seven HTTP/1.1" 200 -"#)
            #expect(told[2].hasPrefix(#""GET /closed?token=*** HTTP/1.1" 401 "#))
            #expect(told[3].hasPrefix(#""GET /none HTTP/1.1" 404 "#))
            #expect(told[4] == #""GET /prepared HTTP/1.1" 200 3"#)
            #expect(told[5] == #""GET /stream HTTP/1.1" 200 10"#)
        }
    }

    @Test func theCachesWordIsInJSON() async throws {
        try await Self.withLoggedServer(.json, routes: Self.routes) { port, pipe in
            Self.get(port, "GET /stream HTTP/1.1")
            let members = try #require(try JSONValue(parsing: Array((pipe.lines(1).first ?? "").utf8)).members)
            let names = [
                "time", "server", "client", "method", "target", "protocol", "status", "bytes", "seconds", "cache",
            ]
            #expect(members.map(\.key) == names)
            #expect(members.last?.value.string == "MISS")
        }
    }

    /// Who goes before the answer is 499; who never sent a request has no line.
    @Test func whoGoesEarlyIsTold() async throws {
        let held = Kept<HeldRequest>()
        let routes = Self.routes + [HTTPRoute("GET", "/held") { _ in .hold { held.add($0) } }]
        try await Self.withLoggedServer(.common, routes: routes) { port, pipe in
            do {
                let silent = RawClient(port: port)
                _ = silent.send("GET /half HTTP/1.1\r\nHos")
                let client = RawClient(port: port)
                _ = client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = held.wait()
            }
            let lines = pipe.lines(1)
            #expect(lines.count == 1 && lines[0].hasSuffix(#""GET /held HTTP/1.1" 499 -"#), "\(lines)")
        }
    }

    /// Nobody reads: requests are answered all the same, and what found no room is counted.
    @Test func aReaderThatStandsStillHoldsUpNobody() async throws {
        let pipe = Pipe()
        let log = AccessLog(.common, server: "test", descriptor: pipe.writing)
        #expect(log.start() == 0)
        let record = AccessRecord(
            client: "10.0.0.1", wallClockMs: 0, nanoseconds: 0, method: "GET", target: "/x", version: "HTTP/1.1",
            status: 200, bytes: 1)
        // More than wait, and than a pipe holds.
        let count = AccessLog.linesMax * 3
        for _ in 0..<count { log.write(record) }
        #expect(log.dropped > 0)
        let kept = count - log.dropped
        let lines = try await onThread { pipe.lines(kept) }
        #expect(lines.count == kept && Set(lines).count == 1, "lines are whole")
        await log.end()
        log.write(record)
        #expect(log.dropped == count - kept + 1)
    }

    /// A reader that went away: the lines are counted, the process goes on.
    @Test func aReaderThatIsGoneHoldsUpNobody() async throws {
        let pipe = Pipe()
        let other = dup(pipe.writing)
        defer { close(other) }
        let log = AccessLog(.json, server: "test", descriptor: other)
        signal(SIGPIPE, SIG_IGN)
        pipe.hangUp()
        #expect(log.start() == 0)
        log.write(
            AccessRecord(
                client: "", wallClockMs: 0, nanoseconds: 0, method: "GET", target: "/", version: "", status: 200,
                bytes: 0))
        await log.end()
        #expect(log.dropped == 1)
    }
}
