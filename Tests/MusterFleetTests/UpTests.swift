import FoundationEssentials
import Glibc
import MusterHTTP
import MusterTestKit
import Testing

/// A whole fleet by one command.
@Suite(.timeLimit(.minutes(3))) struct UpTests {
    /// Processes whose command line has this text in it.
    private static func processes(naming text: String) -> [Int32] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { Int32($0) }.filter { pid in
            guard let line = try? Data(contentsOf: URL(filePath: "/proc/\(pid)/cmdline")) else { return false }
            return String(decoding: line, as: UTF8.self).contains(text)
        }
    }

    private static func start(_ fleet: Fleet, _ folder: ScratchFolder) async throws -> (FleetProcess, url: String) {
        // Without a token of its own: as it is typed at a prompt.
        let up = try fleet.start(
            ["up", "--port", "0", "--workers", "2", "--data", folder.path], environment: ["MUSTER_TOKEN": ""])
        let url: String = try await eventually("it listens") {
            if !up.isRunning { throw FleetError("it ended: \(up.transcript.errors)") }
            return up.transcript.output.first { $0.hasPrefix("listening on ") }.map { String($0.dropFirst(13)) }
        }
        return (up, url)
    }

    private static func status(_ fleet: Fleet, _ url: String, _ headers: [(name: String, value: String)]) async throws
        -> Int
    {
        try await fleet.http.send(HTTPClientRequest("GET", url, headers: headers, timeout: .seconds(60))).status
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func itRendersAndEndsWhole(_ signal: Int32) async throws {
        let sample = try SamplePicture.quick.get()
        let folder = try ScratchFolder()
        defer { folder.remove() }
        try await Fleet.run { fleet in
            let (up, url) = try await Self.start(fleet, folder)
            let response = try await fleet.http.send(
                HTTPClientRequest("GET", url + sample.path, timeout: .seconds(60)))
            #expect(response.status == 200)
            expectSame(response.body, sample.file)
            // Whoever sits here needs no token, but a page from elsewhere is no one who sits here.
            try await eventually("both workers are listed") {
                let listed = try await fleet.http.send(HTTPClientRequest("GET", url + "/get_servers"))
                return String(decoding: listed.body, as: UTF8.self).split(separator: "worker-").count == 3
            }
            #expect(try await Self.status(fleet, url + "/v1/jobs", []) == 200)
            #expect(try await Self.status(fleet, url + "/v1/jobs", [("Origin", "http://example.org")]) == 403)
            #expect(try await Self.status(fleet, url + "/v1/jobs", [("Host", "example.org")]) == 403)
            #expect(try await Self.status(fleet, url + "/get_servers", [("Origin", "http://example.org")]) == 403)
            // Two workers, an origin and three edges.
            let parts = Self.processes(naming: folder.path).filter { $0 != up.pid }
            #expect(parts.count == 6)
            kill(up.pid, signal)
            #expect(try await up.exitCode(within: .seconds(30)) == 0)
            #expect(Self.processes(naming: folder.path).isEmpty)
        }
    }
}
