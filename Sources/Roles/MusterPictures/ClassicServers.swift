internal import MusterCore
package import MusterHTTPClient
internal import MusterSystem
package import MusterWire
internal import Synchronization

/// Servers that old programs signed up by `/prox_connected`. They are listed while they answer `GET /up`; no work is ever
/// sent to them.
package final class ClassicServers: Sendable {
    package struct Server: Hashable, Sendable {
        package let name: String
        package let port: Int

        package init(name: String, port: Int) { (self.name, self.port) = (name, port) }

        var url: String { "http://\(name.contains(":") ? "[\(name)]" : name):\(port)/up" }
    }

    private struct Entry {
        let server: Server
        var answered: Moment
    }

    static let serversMax = 256
    private static let probeTime: Duration = .seconds(1)
    /// What has not answered for so long makes room for others.
    private static let forgetTime: Duration = .seconds(60)
    private let entries = Mutex<[Entry]>([])
    private let client: HTTPClient

    package init(client: HTTPClient) { self.client = client }

    /// Throws a `Problem` (503) when there are too many. Signing up again changes nothing.
    package func signUp(_ server: Server) throws(Problem) {
        let now = SystemTime.now()
        let isTaken = entries.withLock { entries in
            if entries.contains(where: { $0.server == server }) { return true }
            entries.removeAll { now - $0.answered > Self.forgetTime }
            guard entries.count < Self.serversMax else { return false }
            entries.append(Entry(server: server, answered: now))
            return true
        }
        guard isTaken else {
            throw Problem(
                503, "\(Self.serversMax) servers have signed up already.", retryAfter: 60, limit: .classicServers)
        }
    }

    /// Those that answer now, in the order of their signing up. Takes a second at the most.
    package func answering() async -> [Server] {
        let servers = entries.withLock { $0.map(\.server) }
        let alive = await withTaskGroup(of: Server?.self) { group in
            for server in servers { group.addTask { await self.answers(server) ? server : nil } }
            return await group.reduce(into: Set<Server>()) { found, server in
                if let server { found.insert(server) }
            }
        }
        let now = SystemTime.now()
        entries.withLock { entries in
            for place in entries.indices where alive.contains(entries[place].server) { entries[place].answered = now }
        }
        return servers.filter(alive.contains)
    }

    private func answers(_ server: Server) async -> Bool {
        var request = HTTPClientRequest("GET", server.url, timeout: Self.probeTime)
        request.responseBytesMax = 64 << 10
        return (try? await client.send(request)).map { (200..<300).contains($0.status) } ?? false
    }
}
