import FoundationEssentials
import Glibc
import MusterLaunch
import MusterTestKit
import Synchronization
import Testing

/// A real container engine, Docker or Podman, spoken to by Docker's command line: the one that `DOCKER_HOST` names, else the usual.
enum Docker {
    static let image = "debian:bookworm-slim"
    static let socket: String = {
        let host = getenv("DOCKER_HOST").map { String(cString: $0) } ?? ""
        return host.hasPrefix("unix://") ? String(host.dropFirst(7)) : "/var/run/docker.sock"
    }()
    static let isPodman = system("docker version 2>/dev/null | grep -q 'Podman Engine'") == 0

    /// With `MUSTER_REQUIRE_ALL=1` a test that cannot run fails.
    static let isThere: Bool = {
        if getenv("MUSTER_REQUIRE_ALL").map({ String(cString: $0) }) == "1" { return true }
        return access(socket, R_OK | W_OK) == 0
            && system("docker image inspect \(image) >/dev/null 2>&1") == 0
    }()
    static let hasMuster: Bool = {
        if getenv("MUSTER_REQUIRE_ALL").map({ String(cString: $0) }) == "1" { return true }
        return isThere && system("docker image inspect muster:latest >/dev/null 2>&1") == 0
    }()
    static let reason: Comment = "needs a container engine at \(socket) with the image \(image)"
    static let musterReason: Comment = "needs a container engine with the image muster:latest (make image)"

    private static func system(_ command: String) -> Int32 { Glibc.system(command) }

    /// What the command prints. Throws `FleetError` for another end than 0.
    @discardableResult
    static func run(_ arguments: [String], socket: String? = nil) async throws -> String {
        let lines = Mutex<[String]>([])
        let host = socket.map { ["-H", "unix://\($0)"] } ?? []
        let child = try ChildProcess(
            executable: "docker", arguments: host + arguments,
            output: .lines(onLine: { line in lines.withLock { $0.append(line.text) } }))
        guard let status = await child.wait(atMost: .seconds(60)) else {
            child.kill()
            throw FleetError("docker \(arguments) did not end")
        }
        let text = lines.withLock { $0.joined(separator: "\n") }
        guard status == .exited(0) else { throw FleetError("docker \(arguments): \(status): \(text)") }
        return text
    }

    /// Makes an image that runs this by /bin/sh, and removes it afterwards.
    static func withImage(
        _ script: String, socket: String? = nil, _ body: (String) async throws -> Void
    ) async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let name = "muster-test-\(UInt32.random(in: 0...UInt32.max))"
        try script.write(toFile: folder.path + "/run.sh", atomically: false, encoding: .utf8)
        try "FROM \(image)\nCOPY run.sh /run.sh\nCMD [\"/bin/sh\", \"/run.sh\"]\n"
            .write(toFile: folder.path + "/Dockerfile", atomically: false, encoding: .utf8)
        try await run(["build", "-q", "--network", "none", "-t", name, folder.path], socket: socket)
        do {
            try await body(name)
        } catch {
            _ = try? await run(["image", "rm", "-f", name], socket: socket)
            throw error
        }
        _ = try? await run(["image", "rm", "-f", name], socket: socket)
    }

    /// Ids of containers with a label, those that ended too.
    static func containers(_ label: String, all: Bool = true, socket: String? = nil) async throws -> [String] {
        try await run(["ps", "-q", "--filter", "label=\(label)"] + (all ? ["-a"] : []), socket: socket)
            .split(separator: "\n").map(String.init)
    }
}

extension Fleet {
    /// Containers that this fleet's coordinator launched: their labels name its folder.
    func containers(all: Bool = true, socket: String? = nil) async throws -> [String] {
        var status = stat()
        guard stat(dataDirectory + "/coordinator/launched", &status) == 0 else { return [] }
        return try await Docker.containers("muster.home=\(status.st_dev):\(status.st_ino)", all: all, socket: socket)
    }

    /// A fleet in whose end no container is left.
    static func runContainers(flags: [String], _ body: (Fleet) async throws -> Void) async throws {
        try await run(flags: flags) { fleet in
            do {
                try await body(fleet)
            } catch {
                for id in (try? await fleet.containers()) ?? [] { _ = try? await Docker.run(["rm", "-f", id]) }
                throw error
            }
            try await eventually("no container is left") { try await fleet.containers().isEmpty }
        }
    }
}
