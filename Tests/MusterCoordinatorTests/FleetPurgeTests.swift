import MusterAPI
import MusterHTTP
import MusterJSON
import MusterServerKit
import MusterWire
import Synchronization
import Testing

@testable import MusterRole

/// What the edges of a fleet are asked, and what their answers come to.
@Suite struct FleetPurgeTests {
    /// An edge with own routes below a path, and its upstream's at the root.
    private final class PlainEdge: Sendable {
        let heard = Mutex<[String]>([])
        let server = Mutex<HTTPServer?>(nil)
        var port: UInt16 { server.withLock { $0?.port ?? 0 } }

        init() throws {
            let routes = ["", "/.muster"].flatMap { begin in
                [("GET", "/v1/edge"), ("POST", "/v1/purge")].map { method, path in
                    HTTPRoute(method, begin + path, bodyBytesMax: 64 << 10) { [weak self] request in
                        let line = "\(method) \(begin + path) \(request.header("authorization") == nil ? "-" : "token")"
                        self?.heard.withLock { $0.append(line) }
                        // The upstream of one with paths of its own says what would draw the token.
                        var state = EdgeState()
                        state.id = 1
                        let reply = PurgeReply(purged: 1, confirmed: [1], missing: [])
                        return .respond(.json(method == "GET" ? state.body : reply.body))
                    }
                }
            }
            var configuration = HTTPServer.Configuration()
            configuration.host = "127.0.0.1"
            let server = HTTPServer(configuration, routes: routes) { _ in }
            try server.start()
            self.server.withLock { $0 = server }
        }

        func stop() async { await server.withLock { $0 }?.shutdown(graceSeconds: 0) }
    }

    private static func purge(_ coordinator: TestCoordinator) throws -> (status: Int, reply: FleetPurgeReply) {
        let answer = try #require(
            coordinator.ask("POST", "/v1/edges/purge", token: coordinator.tokens.admin, body: #"{"id":7}"#))
        return (answer.status, try FleetPurgeReply(body: answer.body))
    }

    private static func listed(_ name: String, _ edge: PlainEdge, paths: String = "") -> String {
        let label = paths.isEmpty ? "" : #","paths":"\#(paths)""#
        return #"{"name":"\#(name)","role":"edge","labels":{"url":"http://127.0.0.1:\#(edge.port)"\#(label)}}"#
    }

    @Test("an edge with paths of its own is asked below them, and its upstream sees nothing")
    func ownPaths() async throws {
        let edge = try PlainEdge()
        try await withCoordinator { coordinator in
            _ = try coordinator.join(Self.listed("one", edge, paths: "/.muster"))
            let answer = try Self.purge(coordinator)
            #expect(answer.status == 200 && answer.reply.edges.map(\.isConfirmed) == [true])
            #expect(edge.heard.withLock { $0 } == ["GET /.muster/v1/edge -", "POST /.muster/v1/purge token"])
        }
        await edge.stop()
    }

    @Test(
        "paths that lead elsewhere are not asked",
        arguments: ["/", "/a/../b", "/x?y=", "/x#", "a", "/a//b", "/%2e", "/x/"])
    func noPaths(_ paths: String) async throws {
        let edge = try PlainEdge()
        try await withCoordinator { coordinator in
            _ = try coordinator.join(Self.listed("one", edge, paths: paths))
            let answer = try Self.purge(coordinator)
            #expect(answer.status == 202 && answer.reply.edges.first?.problem?.contains("Its own paths") == true)
            #expect(edge.heard.withLock { $0 } == [])
        }
        await edge.stop()
    }

    @Test("edges that do not know each other are asked each, though their ids are equal")
    func equalIDs() async throws {
        let edges = try (0..<3).map { _ in try PlainEdge() }
        try await withCoordinator { coordinator in
            for (index, edge) in edges.enumerated() { _ = try coordinator.join(Self.listed("e\(index)", edge)) }
            let answer = try Self.purge(coordinator)
            #expect(answer.status == 200 && answer.reply.purged == 3)
            #expect(answer.reply.edges.map(\.isConfirmed) == [true, true, true])
            for edge in edges { #expect(edge.heard.withLock { $0 } == ["GET /v1/edge -", "POST /v1/purge token"]) }
        }
        for edge in edges { await edge.stop() }
    }

    @Test("edges beyond those that are asked make it 202")
    func tooMany() async throws {
        let edge = try PlainEdge()
        try await withCoordinator { coordinator in
            for index in 0..<66 {
                _ = try coordinator.join(Self.listed("e\(index)", edge))
            }
            let answer = try Self.purge(coordinator)
            #expect(answer.status == 202 && answer.reply.edges.count == 66)
            let confirmed = answer.reply.edges.filter { $0.isConfirmed }
            #expect(confirmed.count == 64)
            #expect(answer.reply.edges.suffix(2).allSatisfy { $0.problem?.contains("not asked") == true })
            // One of those at the same place.
            let posts = edge.heard.withLock { $0 }.filter { $0.hasPrefix("POST") }
            #expect(posts.count == 1)
        }
        await edge.stop()
    }
}
