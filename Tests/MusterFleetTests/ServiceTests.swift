import Glibc
import MusterTestKit
import Testing

/// What a service manager sees of each role: ready, read again, stopping.
@Suite(.timeLimit(.minutes(3))) struct ServiceTests {
    @Test func aCoordinatorSaysWhenItIsReadyAndWhenItStops() async throws {
        try await Fleet.run { fleet in
            let manager = try Manager(fleet.folder.path + "/notify")
            let process = try fleet.start(
                ["coordinator", "--data", fleet.folder.path + "/other", "--port", "0", "--drain-seconds", "1"],
                environment: ["NOTIFY_SOCKET": manager.path])
            let ready = try await manager.message()
            let url = try await eventually("it listens") {
                process.transcript.output.first { $0.hasPrefix("listening on ") }
            }
            #expect(ready == "READY=1\nSTATUS=\(url)")
            process.terminate()
            // Draining, finishing (20 s) and a little.
            #expect(try await manager.message() == "STOPPING=1\nEXTEND_TIMEOUT_USEC=41000000")
            #expect(try await process.exitCode(within: .seconds(30)) == 0)
        }
    }

    @Test(arguments: [["origin", "--no-samples"], ["edge", "--id", "7"]])
    func whatServesSaysSoToo(_ role: [String]) async throws {
        try await Fleet.run { fleet in
            let manager = try Manager(fleet.folder.path + "/notify")
            let process = try fleet.start(
                role + ["--data", fleet.folder.path + "/other", "--port", "0", "--finish-seconds", "2"],
                environment: ["NOTIFY_SOCKET": manager.path])
            #expect(try await manager.message().hasPrefix("READY=1\nSTATUS=listening on http://127.0.0.1:"))
            // Without a certificate and without a terminal this means nothing; from a terminal's end it would be the end.
            if !hasTerminal {
                kill(process.pid, SIGHUP)
                try await eventually("it takes notice") {
                    process.transcript.errors.contains { $0.contains("no certificate to read again") }
                }
            }
            process.terminate()
            #expect(try await manager.message() == "STOPPING=1\nEXTEND_TIMEOUT_USEC=22000000")
            #expect(try await process.exitCode(within: .seconds(30)) == 0)
        }
    }

    /// Also while its coordinator is away.
    @Test func aWorkerIsReadyWhoeverIsThere() async throws {
        try await Fleet.run { fleet in
            let manager = try Manager(fleet.folder.path + "/notify")
            await fleet.coordinator.kill()
            let worker = try fleet.start(
                ["worker", "--join", fleet.url, "--data", fleet.folder.path + "/other", "--token", fleet.token],
                environment: ["NOTIFY_SOCKET": manager.path])
            #expect(try await manager.message() == "READY=1\nSTATUS=at \(fleet.url)")
            worker.terminate()
            #expect(try await manager.message().hasPrefix("STOPPING=1\n"))
            #expect(try await worker.exitCode(within: .seconds(30)) == 0)
        }
    }

    /// Nothing comes of waiting for one that nobody has given it.
    @Test func aWorkerWithoutATokenSaysSoAndEnds() async throws {
        try await Fleet.run { fleet in
            let worker = try await fleet.muster(
                "worker", "--join", fleet.url, "--data", fleet.folder.path + "/other", environment: ["MUSTER_TOKEN": ""]
            )
            #expect(worker.exitCode == 77)
            #expect(worker.errors.contains { $0.contains("No token") }, "\(worker.errors)")
        }
    }

    @Test func aCredentialIsAToken() async throws {
        try await Fleet.run { fleet in
            let folder = fleet.folder.path + "/credentials"
            try #require(mkdir(folder, 0o700) == 0)
            let file = open(folder + "/muster.token", O_WRONLY | O_CREAT, 0o400)
            try #require(file >= 0 && write(file, fleet.token, fleet.token.utf8.count) > 0)
            close(file)
            let jobs = try await fleet.muster(
                "jobs", "--coordinator", fleet.url, environment: ["CREDENTIALS_DIRECTORY": folder, "MUSTER_TOKEN": ""])
            #expect(jobs.exitCode == 0, "\(jobs.errors)")
        }
    }
}

private var hasTerminal: Bool {
    let file = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
    if file >= 0 { close(file) }
    return file >= 0
}

/// Listens where a service manager would.
private final class Manager {
    let path: String
    private let file: Int32

    init(_ path: String) throws {
        self.path = path
        file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        try #require(path.utf8.count < MemoryLayout.size(ofValue: address.sun_path))
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let bound = withUnsafePointer(to: address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(file, $0, length) }
        }
        try #require(file >= 0 && bound == 0)
    }

    deinit { close(file) }

    /// The next one.
    func message() async throws -> String {
        try await eventually("the service manager is told") {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = recv(file, &bytes, bytes.count, 0)
            return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }
}
