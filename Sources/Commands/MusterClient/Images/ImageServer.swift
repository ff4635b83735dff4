internal import MusterAPI
package import MusterCommandLine
internal import MusterCore
internal import MusterMembership
internal import MusterWire

/// One of those that are asked for images: an edge, or an origin.
package struct ImageServer: Hashable, Sendable {
    /// As the fleet calls it; nil: only its URL is known until it answers.
    package var name: String?
    /// Without a slash at its end.
    package var url: String

    init(name: String?, url: String) { (self.name, self.url) = (name, url) }

    /// `edge-2 (http://127.0.0.1:8002)`.
    package func shown(_ answeredAs: String? = nil) -> String {
        (name ?? answeredAs).map { "\($0) (\(url))" } ?? url
    }

    /// Of `--edges`, in the order given. Throws a usage error for what is no list of URLs; one that stands twice is refused,
    /// as it would be asked twice as often.
    package static func list(_ text: String) throws(CommandError) -> [ImageServer] {
        var servers: [ImageServer] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let trimmed = part.trimmingPrefix { $0 == " " }
            let value: ArgumentValue
            do { value = try ValueKind.url.parse(String(trimmed)) } catch { throw .usage("--edges: \(error.reason)") }
            let server = ImageServer(name: nil, url: value.asText ?? "")
            guard !servers.contains(server) else { throw .usage("--edges: \(server.url) stands twice") }
            servers.append(server)
        }
        return servers
    }

    /// The edges in a coordinator's answer to `GET /v1/members`, by their ids, so that all clients count alike. Those
    /// that the coordinator doubts are left out, unless it doubts all.
    ///
    /// Throws a `Problem` for what is no such answer. What an edge says of itself is not believed where it is no URL.
    package static func edges(inMembers body: [UInt8]) throws -> [ImageServer] {
        var found: [(id: Int, server: ImageServer, isAlive: Bool)] = []
        for member in try ListAnswer<MemberStatus>(body: body).items where member.role == MemberRole.edge.rawValue {
            guard let text = member.labels["url"], let url = try? ValueKind.url.parse(text).asText else { continue }
            let server = ImageServer(name: member.name, url: url)
            let isAlive = member.state == Membership.Standing.alive.rawValue
            found.append((member.labels["id"].flatMap { Int($0) } ?? .max, server, isAlive))
        }
        if found.contains(where: \.isAlive) { found.removeAll { !$0.isAlive } }
        found.sort { ($0.id, $0.server.url) < ($1.id, $1.server.url) }
        var servers: [ImageServer] = []
        for item in found where !servers.contains(where: { $0.url == item.server.url }) { servers.append(item.server) }
        return servers
    }
}
