import Glibc
import MusterAPI
import MusterServerKit
import MusterWire
import Synchronization

@testable import MusterHTTP

/// A server on a free port for one test, of four threads where the test asks for no other number, with what its handlers left for the
/// test to hold.
final class TestServer: Sendable {
    let server: HTTPServer
    let held = Kept<HeldRequest>()
    let streams = Kept<HTTPStream>()
    /// When something happened that a test waits for: a cancelled task, a client's end.
    let notices = Kept<ContinuousClock.Instant>()
    let bodies = Kept<[UInt8]>()
    let readers = Kept<HTTPBodyReader>()
    let goOn = Latch()

    var port: UInt16 { server.port }

    init(
        _ configuration: HTTPServer.Configuration = .with { _ in },
        authorize: (@Sendable (HTTPRequest) throws -> Void)? = nil,
        routes: (TestRoutes) -> [HTTPRoute] = { $0.all }
    ) throws {
        let kept = TestRoutes(
            held: held, streams: streams, notices: notices, bodies: bodies, readers: readers, goOn: goOn)
        server = HTTPServer(configuration, routes: routes(kept), authorize: authorize)
        try server.start()
    }

    func client(capSeconds: Int = 60) -> RawClient { RawClient(port: port, capSeconds: capSeconds) }
}

/// Starts a server, runs blocking work against it on a thread, and stops it.
func withTestServer<Result: Sendable>(
    _ configuration: HTTPServer.Configuration = .with { _ in },
    authorize: (@Sendable (HTTPRequest) throws -> Void)? = nil,
    _ body: @escaping @Sendable (TestServer) throws -> Result
) async throws -> Result {
    let server = try TestServer(configuration, authorize: authorize)
    let result = await Swift.Result { try await onThread { try body(server) } }
    server.goOn.open()
    await server.server.shutdown(graceSeconds: 0)
    return try result.get()
}

extension HTTPServer.Configuration {
    static func with(_ change: (inout HTTPServer.Configuration) -> Void) -> HTTPServer.Configuration {
        var configuration = HTTPServer.Configuration()
        configuration.threads = 4
        change(&configuration)
        return configuration
    }
}

extension Result where Failure == any Error {
    fileprivate init(catching body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

/// The routes that the tests of the server share.
struct TestRoutes: Sendable {
    let held: Kept<HeldRequest>
    let streams: Kept<HTTPStream>
    let notices: Kept<ContinuousClock.Instant>
    let bodies: Kept<[UInt8]>
    let readers: Kept<HTTPBodyReader>
    let goOn: Latch

    static let bodyBytesMax = 64 << 10
    static let uploadBytesMax = 64 << 20

    var all: [HTTPRoute] { plain + waiting + streaming }

    private var plain: [HTTPRoute] {
        [
            HTTPRoute("GET", "/hello") { _ in .respond(.text("hello")) },
            HTTPRoute("GET", "/v1/jobs") { _ in .respond(.text("jobs")) },
            HTTPRoute("DELETE", "/v1/jobs/{id}") { .respond(.text("deleted \($0.parameters["id"]!)")) },
            HTTPRoute("GET", "/v1/jobs/{id}") { .respond(.text($0.parameters["id"]!)) },
            HTTPRoute("GET", "/v1/jobs/special") { _ in .respond(.text("literal")) },
            HTTPRoute("GET", "/query") { request in
                .respond(.text(request.query.map { "\($0.name)=\($0.value);" }.joined()))
            },
            HTTPRoute("GET", "/fails") { _ in throw Unexpected() },
            HTTPRoute("POST", "/body", bodyBytesMax: Self.bodyBytesMax) { request in
                bodies.add(request.body)
                return .respond(HTTPResponse(status: 200, body: .bytes(request.body)))
            },
            HTTPRoute(
                "GET", "/prepared",
                prepared: PreparedBody(status: 200, headers: [("X-Kind", "prepared")], bytes: Array("ready".utf8))),
        ]
    }

    private struct Unexpected: Error {}

    private var waiting: [HTTPRoute] {
        [
            HTTPRoute("GET", "/held", access: "held") { _ in
                .hold { request in
                    request.onDisconnect { notices.add(.now) }
                    held.add(request)
                }
            },
            HTTPRoute("POST", "/held", bodyBytesMax: Self.bodyBytesMax) { _ in
                .hold { request in
                    request.onDisconnect { notices.add(.now) }
                    held.add(request)
                }
            },
            HTTPRoute("GET", "/task") { _ in
                .task {
                    bodies.add([])
                    do {
                        try await Task.sleep(for: .seconds(3600))
                    } catch {
                        notices.add(.now)
                        throw error
                    }
                    return .text("late")
                }
            },
        ]
    }

    private var streaming: [HTTPRoute] {
        [
            HTTPRoute("GET", "/stream") { _ in
                let stream = HTTPStream()
                stream.onDisconnect { notices.add(.now) }
                streams.add(stream)
                return .respond(HTTPResponse(status: 200, body: .stream(stream)))
            },
            HTTPRoute("POST", "/upload", streamedBodyBytesMax: Self.uploadBytesMax) { _, reader in
                var (count, sum) = (0, 0)
                do {
                    while let piece = try await reader.next() {
                        bodies.add(piece)
                        count += piece.count
                        for byte in piece { sum += Int(byte) }
                    }
                } catch {
                    notices.add(.now)
                    throw Problem(400, "broken")
                }
                return .text("\(count) \(sum)")
            },
            // Takes nothing before the test says so.
            HTTPRoute("POST", "/upload/late", streamedBodyBytesMax: Self.uploadBytesMax) { _, reader in
                readers.add(reader)
                let started = await eventually { goOn.isOpened || Task.isCancelled }
                if Task.isCancelled || !started { notices.add(.now) }
                var count = 0
                while let piece = try await reader.next() { count += piece.count }
                return .text("\(count)")
            },
            HTTPRoute("POST", "/upload/unread", streamedBodyBytesMax: Self.uploadBytesMax) { _, _ in .text("enough") },
        ]
    }
}
