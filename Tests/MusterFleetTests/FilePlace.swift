import Glibc
import MusterHTTPClient
import MusterTestKit
import Testing

/// A fleet whose tasks have files: an origin, and workers that may run commands and share a cache, each in a folder of the fleet's.
struct FilePlace {
    let fleet: Fleet
    let origin: ServerProcess
    let workers: [FleetProcess]
    /// By the names of their folders.
    let disks: [String: SmallDisk]

    /// With `MUSTER_REQUIRE_ALL=1` a test that cannot run fails.
    static let canFill = SmallDisk.canBeMade || getenv("MUSTER_REQUIRE_ALL").map { String(cString: $0) } == "1"

    /// Workers are called `w0`, `w1`, …; their folders likewise, the others' `origin` and `cache`. `disks`: folders that are on small disks
    /// of their own, and how large these are, in bytes.
    static func run(
        workers: Int = 1, slots: Int = 2, disks: [String: Int] = [:], _ body: (FilePlace) async throws -> Void
    ) async throws {
        try await Fleet.run { fleet in
            var mounted: [String: SmallDisk] = [:]
            defer { for disk in mounted.values { disk.remove() } }
            for (name, bytes) in disks {
                let path = fleet.folder.path + "/" + name
                #expect(mkdir(path, 0o700) == 0)
                guard let disk = SmallDisk(over: path, bytes: bytes) else { throw FleetError("no disk over \(path)") }
                mounted[name] = disk
            }
            let origin = try await ServerProcess(
                fleet, ["origin", "--no-samples", "--data", fleet.folder.path + "/origin", "--join", fleet.url])
            let started = try (0..<workers).map { number in
                try fleet.startWorker(
                    "w\(number)", slots: slots, flags: ["--allow-exec", "--files-cache", fleet.folder.path + "/cache"])
            }
            try await eventually("all are listed") { try await fleet.memberNames().count == workers + 1 }
            try await body(FilePlace(fleet: fleet, origin: origin, workers: started, disks: mounted))
        }
    }

    func write(_ name: String, _ text: String) throws { try fleet.folder.write(Array(text.utf8), to: name) }
    func text(_ name: String) throws -> String { String(decoding: try fleet.folder.read(name), as: UTF8.self) }
    func script(_ text: String) async throws -> ScriptOutcome { try await fleet.script(text) }

    /// Files with these names, with temporary ones.
    func names(_ folder: String = "") -> [String] { fleet.folder.names(in: folder) }

    /// How often the origin, or another server, was asked for something since it was started.
    func requests(of server: ServerProcess? = nil) async throws -> Int {
        let answer = try await (server ?? origin).get("/metrics", [("Authorization", "Bearer \(fleet.token)")])
        let lines = String(decoding: answer.body, as: UTF8.self).split(separator: "\n")
        let count = lines.first { $0.hasPrefix("muster_http_requests_total ") }
        return try #require(count?.split(separator: " ").last.flatMap { Int($0) })
    }
}
