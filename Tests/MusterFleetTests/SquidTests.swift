import FoundationEssentials
import Glibc
import MusterHTTPClient
import MusterLaunch
import MusterSystem
import MusterTestKit
import Testing

/// Squid between a client and a server of ours: it believes the length that a 304 tells.
@Suite(.enabled(if: Squid.path != nil, "squid is missing")) struct SquidTests {
    /// What was confirmed by a 304 is the whole image, of an origin and of an edge.
    @Test func whatWasConfirmedIsStillWhole() async throws {
        try await Fleet.run { fleet in
            let images = try await ImageFleet(fleet, edges: 1)
            let body = [UInt8](repeating: 7, count: 5_000)
            try await images.put(7, body)
            for url in [images.originURL] + images.urls {
                let squid = try Squid(before: url, in: fleet.folder.path)
                defer { squid.stop() }
                func get(_ headers: [(name: String, value: String)] = []) async throws -> HTTPClientResponse {
                    try await fleet.http.send(
                        HTTPClientRequest("GET", squid.url + "/images/7", headers: headers, timeout: .seconds(60)))
                }
                let first = try await eventually("squid answers") {
                    let answer = try? await get()
                    return answer?.status == 200 ? answer : nil
                }
                #expect(first.body == body)
                let tag = try #require(first.header("etag"))
                // It asks whether what it has still holds, and is told by a 304.
                for _ in 0..<3 {
                    #expect(try await get([("Cache-Control", "max-age=0")]).body == body)
                    #expect(try await get([("If-None-Match", tag)]).status == 304)
                    #expect(try await get().body == body)
                }
            }
        }
    }
}

/// A Squid of one's own, as a reverse proxy before one server.
private final class Squid {
    static let path: String? = ["/usr/sbin/squid", "/usr/local/sbin/squid", "/usr/local/squid/sbin/squid"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
    let url: String
    private let process: ChildProcess

    init(before server: String, in folder: String) throws {
        let port = freePort()
        let place = "\(folder)/squid-\(port)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        // It gives up its rights, where it has any, before it writes its log.
        chmod(folder, 0o755)
        chmod(place, 0o777)
        let upstream = server.split(separator: ":").last.map(String.init) ?? ""
        let lines = [
            "http_port 127.0.0.1:\(port) accel defaultsite=localhost no-vhost",
            "cache_peer 127.0.0.1 parent \(upstream) 0 no-query originserver name=server",
            "http_access allow all", "cache_peer_access server allow all", "cache_mem 16 MB", "pid_filename none",
            "access_log none", "cache_log \(place)/log", "cache_store_log none", "coredump_dir \(place)",
            "shutdown_lifetime 0 seconds", "netdb_filename none", "pinger_enable off",
        ]
        try (lines.joined(separator: "\n") + "\n").write(toFile: place + "/conf", atomically: false, encoding: .utf8)
        url = "http://127.0.0.1:\(port)"
        process = try ChildProcess(
            executable: Self.path!, arguments: ["-N", "-f", place + "/conf"], output: .discard, killsGroupAtExit: true)
    }

    func stop() { process.kill() }
}
