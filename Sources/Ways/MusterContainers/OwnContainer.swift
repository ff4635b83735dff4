internal import Glibc
internal import MusterJSON
internal import MusterWire

/// The container that this process runs in, as its engine sees it.
package struct OwnContainer: Sendable {
    /// The image of this same program, where nobody names another and it is in no container itself.
    package static let imageDefault = "muster:latest"

    package let name: String
    /// By name; the address is empty on the host's network.
    package let networks: [String: String]
    package let image: String
    /// Folders of the machine, by where they are mounted here.
    private let mounts: [(here: String, there: String)]

    init?(_ json: JSONValue) {
        guard let name = json["Name"]?.string, let image = json["Config"]?["Image"]?.string else { return nil }
        self.name = String(name.drop { $0 == "/" })
        self.image = image
        networks = Dictionary(
            (json["NetworkSettings"]?["Networks"]?.members ?? []).map { ($0.key, $0.value["IPAddress"]?.string ?? "") },
            uniquingKeysWith: { $1 })
        mounts = (json["Mounts"]?.elements ?? []).compactMap { mount in
            guard let here = mount["Destination"]?.string, let there = mount["Source"]?.string else { return nil }
            return (here, there)
        }
    }

    /// Where the machine has a file that is mounted here. Nil: it is in no mount.
    package func machinePath(of path: String) -> String? {
        let fitting = mounts.filter { path == $0.here || path.hasPrefix($0.here + "/") }
        return fitting.max { $0.here.utf8.count < $1.here.utf8.count }.map {
            $0.there + path.dropFirst($0.here.utf8.count)
        }
    }

    /// Nil: this process is in no container, or in one of another engine. Throws `EngineError`.
    package static func find(_ engine: EngineClient) async throws(EngineError) -> OwnContainer? {
        guard let id = ownID else { return nil }
        return try await engine.inspect(id).flatMap { OwnContainer($0.json) }
    }

    package static var isInContainer: Bool { ownID != nil }

    /// Engines mount /etc/hostname from a folder that has the container's id in its path: proc(5), mountinfo.
    private static var ownID: String? {
        guard let file = fopen("/proc/self/mountinfo", "re") else { return nil }
        defer { fclose(file) }
        var room = [CChar](repeating: 0, count: 16 << 10)
        while fgets(&room, Int32(room.count), file) != nil {
            let line = String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if let id = id(inMount: line) { return id }
        }
        return nil
    }

    static func id(inMount line: String) -> String? {
        let fields = line.split(separator: " ")
        guard fields.count > 4, ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"].contains(fields[4]) else {
            return nil
        }
        return fields[3].split(separator: "/").first { part in
            part.utf8.count == 64 && part.allSatisfy { $0.isHexDigit }
        }.map(String.init)
    }
}
