import FoundationEssentials
import Glibc
import MusterHTTPClient
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

    private static func start(
        _ fleet: Fleet, _ folder: ScratchFolder, _ flags: [String] = []
    ) async throws -> (FleetProcess, url: String) {
        // Without a token of its own: as it is typed at a prompt.
        let up = try fleet.start(
            ["up", "--port", "0", "--workers", "2", "--data", folder.path + "/data"] + flags,
            environment: ["MUSTER_TOKEN": "", "HOME": folder.path])
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
            try await eventually("both workers are listed") {
                let listed = try await fleet.http.send(HTTPClientRequest("GET", url + "/get_servers"))
                return String(decoding: listed.body, as: UTF8.self).split(separator: "worker-").count == 3
            }
            // Who is here has no rights by that; old clients may use their routes, and pages may not.
            #expect(try await Self.status(fleet, url + "/v1/jobs", []) == 401)
            #expect(try await Self.status(fleet, url + "/get_servers", [("Origin", "http://example.org")]) == 403)
            #expect(try await Self.status(fleet, url + "/get_servers", [("X-Forwarded-For", "8.8.8.8")]) == 403)
            try await Self.commandsFindTheToken(fleet, url, folder)
            try await Self.aBrowserComesIn(fleet, url, up)
            // Two workers, an origin and three edges.
            let parts = Self.processes(naming: folder.path).filter { $0 != up.pid }
            #expect(parts.count == 6)
            kill(up.pid, signal)
            #expect(try await up.exitCode(within: .seconds(30)) == 0)
            #expect(Self.processes(naming: folder.path).isEmpty)
        }
    }

    /// Asked to end, the whole fleet says that it is not ready, and answers on; asked again, all of it is gone at once.
    @Test func allOfItDrains() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        try await Fleet.run { fleet in
            let (up, url) = try await Self.start(
                fleet, folder, ["--edges", "1", "--drain-seconds", "3600", "--finish-seconds", "3600"])
            let urls: [String] = try await eventually("it tells where its parts are") {
                let lines = up.transcript.output.filter { $0.hasPrefix("origin at ") || $0.hasPrefix("edge-1 at ") }
                return lines.count == 2
                    ? [url] + lines.compactMap { $0.split(separator: " ").last.map(String.init) } : nil
            }
            for part in urls {
                try await eventually("\(part) is ready") {
                    (try? await Self.status(fleet, part + "/readyz", [])) == 200
                }
            }
            kill(up.pid, SIGTERM)
            for part in urls {
                try await eventually("\(part) is not ready") {
                    try await Self.status(fleet, part + "/readyz", []) == 503
                }
                #expect(try await Self.status(fleet, part + "/healthz", []) == 200)
            }
            kill(up.pid, SIGTERM)
            #expect(try await up.exitCode(within: .seconds(30)) == 75)
            try await eventually("nothing of it is left") { Self.processes(naming: folder.path).isEmpty }
        }
    }

    /// In another folder, without a word about where the fleet's data are.
    private static func commandsFindTheToken(_ fleet: Fleet, _ url: String, _ home: ScratchFolder) async throws {
        func jobs(_ environment: [String: String]) async throws -> CommandOutcome {
            let own = ["MUSTER_TOKEN": "", "MUSTER_URL": url].merging(environment) { $1 }
            return try await fleet.outcome(of: fleet.start(["jobs"], environment: own))
        }
        let found = try await jobs(["HOME": home.path])
        #expect(found.exitCode == 0, "\(found.errors)")
        let port = try #require(url.split(separator: ":").last)
        let file = "\(home.path)/.local/state/muster/up-\(port)"
        var status = stat()
        #expect(stat(file, &status) == 0 && status.st_mode & 0o7777 == 0o600)
        // Another user has another home.
        let none = try await jobs(["HOME": home.path + "/other"])
        #expect(none.exitCode == 77 && none.errors.last?.contains("none was found") == true, "\(none.errors)")
        let wrong = try await jobs(["HOME": home.path, "MUSTER_TOKEN": "wrong"])
        #expect(wrong.exitCode == 77 && wrong.errors.last?.contains("variable MUSTER_TOKEN") == true, "\(wrong.errors)")
        #expect(wrong.errors.last?.contains(home.path + "/data/coordinator/admin.token") == true, "\(wrong.errors)")
        chmod(file, 0o644)
        #expect(try await jobs(["HOME": home.path]).exitCode == 77)
        chmod(file, 0o600)
        // The edges may not have signed up yet.
        try await eventually("the commands for images find it, too") {
            let image = try fleet.start(
                ["image", "size", "1"], environment: ["MUSTER_TOKEN": "", "MUSTER_URL": url, "HOME": home.path])
            return try await fleet.outcome(of: image).exitCode == 0
        }
    }

    private static func aBrowserComesIn(_ fleet: Fleet, _ url: String, _ up: FleetProcess) async throws {
        let line = try #require(up.transcript.output.first { $0.contains(url + "/sign-in?code=") })
        let target = String(try #require(line.split(separator: " ").last))
        let answer = try await fleet.http.send(HTTPClientRequest("GET", target, timeout: .seconds(60)))
        let cookie = try #require(answer.header("Set-Cookie"))
        #expect(answer.status == 200 && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
        #expect(try await status(fleet, target, []) == 403, "a link is good once")
        let shown = (name: "Cookie", value: "a=b; " + cookie.prefix { $0 != ";" })
        #expect(try await status(fleet, url + "/v1/jobs", [shown]) == 200)
        #expect(try await status(fleet, url + "/v1/jobs", [shown, ("Via", "1.1 a")]) == 403)
    }
}
