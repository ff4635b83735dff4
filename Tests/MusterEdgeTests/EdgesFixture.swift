import FoundationEssentials
import Glibc
import MusterElection
import MusterHTTP
import MusterServerKit
import MusterTestKit
import MusterWire
import Synchronization
import Testing

@testable import MusterEdge
@testable import MusterEdgePeers

/// Several edges in one process, on free ports before one upstream.
final class TestEdges: Sendable {
    let folder: String
    let upstream: String
    private let running = Mutex<[Int: Edge]>([:])
    /// Where each was first, in the order of their start.
    private let places = Mutex<[(id: Int, url: String)]>([])
    private let change: @Sendable (inout EdgeConfiguration) -> Void

    init(upstream: String, _ change: @escaping @Sendable (inout EdgeConfiguration) -> Void = { _ in }) {
        var template = Array("/tmp/muster-edges-XXXXXX".utf8CString)
        folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        (self.upstream, self.change) = (upstream, change)
    }

    subscript(_ id: Int) -> Edge { running.withLock { $0[id]! } }
    var all: [Edge] { running.withLock { $0.sorted { $0.key < $1.key }.map(\.value) } }

    /// Started again, it has its port and its cache back.
    func start(_ id: Int) throws {
        let known = places.withLock { $0 }
        var configuration = EdgeConfiguration(
            id: EdgeID(id)!, dataDirectory: "\(folder)/edge-\(id)", sharedDirectory: folder,
            server: HTTPServer.Configuration(), upstream: .init(url: upstream, isOfFleet: false), version: "test")
        configuration.adminToken = "admin"
        configuration.server.threads = 4
        configuration.upstreamSeconds = 300
        configuration.peers = known.map(\.url)
        configuration.server.port =
            known.first { $0.id == id }.flatMap { $0.url.split(separator: ":").last }
            .flatMap { UInt16($0) } ?? 0
        change(&configuration)
        let edge = try Edge(configuration)
        try edge.start()
        running.withLock { $0[id] = edge }
        places.withLock { places in
            if !places.contains(where: { $0.id == id }) { places.append((id, edge.url)) }
        }
    }

    /// Returns when its directory is free again.
    func stop(_ id: Int) async throws {
        weak var old: Edge?
        do {
            let edge = running.withLock { $0.removeValue(forKey: id)! }
            old = edge
            await edge.stop(graceSeconds: 1)
        }
        try await eventually("the old edge is gone") { old == nil }
    }

    func end() async {
        for edge in all { await edge.stop(graceSeconds: 0.2) }
        running.withLock { $0 = [:] }
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: Asking; all of it blocks

    func ask(
        _ id: Int, _ method: String, _ target: String, token: String? = "admin", _ body: String? = nil,
        _ headers: [(name: String, value: String)] = []
    ) throws -> RawResponse {
        try #require(
            RawClient(port: self[id].port).ask(
                method, target, token: token, body: body.map { Array($0.utf8) }, headers: headers))
    }

    func purge(_ id: Int, _ what: String) throws -> RawResponse {
        try RawClient(port: self[id].port).purge(what)
    }

    func get(_ id: Int, _ target: String) throws -> RawResponse { try ask(id, "GET", target, token: nil) }

    func has(_ id: Int, _ target: String) throws -> Bool {
        try ask(id, "GET", target, token: nil, nil, [("Cache-Control", "only-if-cached")]).status == 200
    }

    func leaders() -> [Int?] { all.map { $0.peers.standing.leader.map { Int($0.rawValue) } } }

    func term(_ id: Int) -> Term { self[id].peers.standing.term }

    /// Until this one leads by all accounts, and everybody serves what it has stored.
    func await(leader id: Int) {
        #expect(
            holdsAtLast {
                leaders().allSatisfy { $0 == id } && Set(all.map { $0.peers.standing.term }).count == 1
                    && all.allSatisfy { $0.touch.mayVouch && $0.peers.standing.places.count == all.count - 1 }
            })
    }
}

/// Starts an upstream and edges of these ids before it, and waits for the highest to lead; runs blocking work on a thread.
func withEdges(
    _ ids: [Int], configured change: @escaping @Sendable (inout EdgeConfiguration) -> Void = { _ in },
    _ script: @escaping ScriptedUpstream.Script = plainUpstream,
    _ body: @escaping @Sendable (TestEdges, ScriptedUpstream) async throws -> Void
) async throws {
    let upstream = ScriptedUpstream(script)
    let edges = TestEdges(upstream: upstream.url, change)
    do {
        for id in ids { try edges.start(id) }
        try await onThread { edges.await(leader: ids.max()!) }
        try await body(edges, upstream)
    } catch {
        upstream.stop()
        await edges.end()
        throw error
    }
    upstream.stop()
    await edges.end()
}

/// How many were there at one time, at most.
final class Peak: Sendable {
    private let state = Mutex((now: 0, peak: 0))

    func begin() { state.withLock { $0 = ($0.now + 1, max($0.peak, $0.now + 1)) } }
    func end() { state.withLock { $0.now -= 1 } }
    var peak: Int { state.withLock { $0.peak } }
}

extension RawClient {
    /// Asked again while nobody leads, as a client is told to: on a starved machine an edge may be taken for a frozen one.
    func purge(_ what: String) throws -> RawResponse {
        for _ in 0..<20 {
            let response = try #require(ask("POST", "/v1/purge", token: "admin", body: Array(what.utf8)))
            if response.status != 503 { return response }
        }
        return try #require(ask("POST", "/v1/purge", token: "admin", body: Array(what.utf8)))
    }
}
