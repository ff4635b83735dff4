import FoundationEssentials
import Glibc
import HTTPText
import MusterElection
import MusterHTTP
import MusterServerKit
import MusterTestKit
import MusterWire
import Synchronization
import Testing

@testable import MusterEdge

/// An edge on a free port before a scripted upstream, which both may be stopped and started again.
final class TestEdge: Sendable {
    let folder: String
    private let upstreams: Mutex<ScriptedUpstream>
    private let running: Mutex<Edge?>
    private let change: @Sendable (inout EdgeConfiguration) -> Void

    init(
        _ script: @escaping ScriptedUpstream.Script, _ change: @escaping @Sendable (inout EdgeConfiguration) -> Void
    ) throws {
        var template = Array("/tmp/muster-edge-XXXXXX".utf8CString)
        folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        let upstream = ScriptedUpstream(script)
        upstreams = Mutex(upstream)
        self.change = change
        running = Mutex(try Self.start(folder, upstream.url, change))
    }

    private static func start(
        _ folder: String, _ upstream: String, _ change: @Sendable (inout EdgeConfiguration) -> Void
    ) throws -> Edge {
        let edge = try Edge(configuration(folder, upstream, change))
        try edge.start()
        return edge
    }

    private static func configuration(
        _ folder: String, _ upstream: String, _ change: @Sendable (inout EdgeConfiguration) -> Void
    ) -> EdgeConfiguration {
        var configuration = EdgeConfiguration(
            id: EdgeID(1)!, dataDirectory: folder, sharedDirectory: folder, server: HTTPServer.Configuration(),
            upstream: EdgeConfiguration.Upstream(url: upstream, isOfFleet: false), version: "test")
        configuration.adminToken = "admin"
        // More than one, whatever the machine has.
        configuration.server.threads = 4
        // A test that holds its upstream back may take long on a busy machine.
        configuration.upstreamSeconds = 300
        change(&configuration)
        return configuration
    }

    var edge: Edge { running.withLock { $0! } }
    var port: UInt16 { edge.port }
    var upstream: ScriptedUpstream { upstreams.withLock { $0 } }

    /// A second one on the same directory.
    func makeAnother() throws -> Edge { try Edge(Self.configuration(folder, upstream.url, change)) }

    /// The edge stops and comes back with what it had stored; the upstream stays.
    func restart() async throws {
        await edge.stop(graceSeconds: 1)
        running.withLock { $0 = nil }
        // Its directory is free as soon as nobody holds the old one any more.
        let again = try await eventually("the old edge is gone") { try? Self.start(folder, upstream.url, change) }
        running.withLock { $0 = again }
    }

    /// The upstream comes back where it was, with another script.
    func replaceUpstream(_ script: @escaping ScriptedUpstream.Script) {
        let old = upstream
        old.stop()
        let new = ScriptedUpstream(port: old.port, script)
        upstreams.withLock { $0 = new }
    }

    func stop() async {
        upstream.stop()
        await edge.stop(graceSeconds: 1)
        try? FileManager.default.removeItem(atPath: folder)
    }

    func client() -> RawClient { RawClient(port: port) }

    /// On a connection of its own, without a token. What was fetched for it is stored when this returns: a client has the
    /// last byte a moment before.
    func ask(
        _ method: String, _ target: String, body: [UInt8]? = nil, _ headers: [(name: String, value: String)] = []
    ) throws -> RawResponse {
        let response = try #require(
            client().ask(method, target, body: body, headOnly: method == "HEAD", headers: headers))
        if response["x-cache"] == "MISS" { #expect(holdsAtLast { !edge.cache.flights.areUnderWay }) }
        return response
    }

    func get(_ target: String, _ headers: [(name: String, value: String)] = []) throws -> RawResponse {
        try ask("GET", target, headers)
    }

    /// How many answers went.
    @discardableResult
    func purge(_ what: String) throws -> String {
        let response = try client().purge(what)
        #expect(response.status == 200, "\(response.text)")
        return response.text
    }
}

/// Starts an upstream and an edge before it, runs blocking work against them on a thread, and stops them.
func withEdge(
    configured change: @escaping @Sendable (inout EdgeConfiguration) -> Void = { _ in },
    _ script: @escaping ScriptedUpstream.Script, _ body: @escaping @Sendable (TestEdge) throws -> Void
) async throws {
    let edge = try TestEdge(script, change)
    do {
        try await onThread { try body(edge) }
    } catch {
        await edge.stop()
        throw error
    }
    await edge.stop()
}

extension RawClient {
    /// Sends a request without a body and waits for nothing.
    func begin(_ method: String, _ target: String, _ headers: [String] = []) {
        send(
            Array(
                ("\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n" + headers.map { $0 + "\r\n" }.joined() + "\r\n")
                    .utf8))
    }
}

/// An upstream that answers everything with its target, fresh for an hour and with a strong tag, and does as conditions
/// and single ranges ask.
let plainUpstream: ScriptedUpstream.Script = { request, connection in
    let body = WireText.bytes(String(repeating: request.target + "|", count: 100))
    let fields = ["Cache-Control: max-age=3600", "ETag: \"1\"", "Content-Type: text/plain"]
    if request["if-none-match"] == "\"1\"" { return connection.answer(304, fields) }
    if let range = request["range"], request["if-range"].map({ $0 == "\"1\"" }) ?? true,
        let dash = range.firstIndex(of: "-"), let first = Int(range[..<dash].dropFirst(6)), first < body.count
    {
        let last = min(Int(range[dash...].dropFirst()) ?? body.count - 1, body.count - 1)
        return connection.answer(
            206, fields + ["Content-Range: bytes \(first)-\(last)/\(body.count)"], Array(body[first...last]))
    }
    connection.answer(200, fields, body, isHead: request.method == "HEAD")
}

/// What `plainUpstream` has there.
func plainBody(_ target: String) -> [UInt8] { Array(String(repeating: target + "|", count: 100).utf8) }
