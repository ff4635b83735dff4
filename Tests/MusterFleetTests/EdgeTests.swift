import FoundationEssentials
import Glibc
import MusterHTTPClient
import MusterTestKit
import Testing

/// An origin and an edge as processes.
@Suite(.timeLimit(.minutes(5))) struct EdgeTests {
    private static func origin(_ fleet: Fleet, _ flags: [String] = []) async throws -> ServerProcess {
        try await ServerProcess(fleet, ["origin", "--data", fleet.dataDirectory, "--no-samples"] + flags)
    }

    private static func edge(_ fleet: Fleet, _ origin: ServerProcess, _ flags: [String] = []) async throws
        -> ServerProcess
    {
        try await ServerProcess(
            fleet,
            ["edge", "--id", "1", "--data", fleet.dataDirectory, "--upstream", origin.url, "--fleet-upstream"] + flags)
    }

    @Test func hitsGoOnWhenTheOriginIsKilled() async throws {
        try await Fleet.run { fleet in
            let origin = try await Self.origin(fleet)
            let edge = try await Self.edge(fleet, origin)
            let body = imageBytes(1, 100_000)
            try await origin.put(1, body)
            let miss = try await edge.get("/images/1")
            #expect(miss.body == body)
            #expect(miss.header("X-Cache") == "MISS")
            let tag = try #require(miss.header("ETag"))
            #expect(try await edge.get("/images/1").header("X-Cache") == "HIT")
            #expect(try await edge.get("/images/1", [("If-None-Match", tag)]).status == 304)
            #expect(try await edge.get("/images/1", [("Range", "bytes=10-19")]).body == Array(body[10..<20]))
            await origin.process.kill()
            for _ in 0..<20 {
                let response = try await edge.get("/images/1")
                #expect(response.status == 200)
                #expect(response.body == body)
                #expect(["HIT", "STALE"].contains(response.header("X-Cache")))
            }
            #expect(try await edge.get("/images/2").status == 502)
            // Back again, it is asked again; what is changed through the edge is seen through it at once.
            try await origin.start()
            let other = imageBytes(2, 5_000)
            try await edge.put(1, other)
            #expect(try await edge.get("/images/1").body == other)
            #expect(try await origin.get("/images/1").body == other)
        }
    }

    @Test(arguments: [true, false]) func aRestartKeepsTheCache(isKilled: Bool) async throws {
        try await Fleet.run { fleet in
            let origin = try await Self.origin(fleet)
            let edge = try await Self.edge(fleet, origin)
            for id in 1...10 {
                try await origin.put(id, imageBytes(id, id * 10_000))
                _ = try await edge.get("/images/\(id)")
            }
            try await eventually("it is written") { heads(fleet) == 10 }
            if isKilled {
                await edge.process.kill()
            } else {
                edge.process.terminate()
                #expect(try await edge.process.exitCode() == 0)
            }
            await origin.process.kill()
            try await edge.start()
            for id in 1...10 {
                let response = try await edge.get("/images/\(id)")
                #expect(response.body == imageBytes(id, id * 10_000))
                #expect(["HIT", "STALE"].contains(response.header("X-Cache")))
            }
        }
    }

    /// Objects whose head is on the disk.
    private func heads(_ fleet: Fleet) -> Int {
        fleet.folder.names(in: "data/edge-1/cache").reduce(0) { count, shelf in
            count + fleet.folder.names(in: "data/edge-1/cache/" + shelf).count { $0.hasSuffix(".head") }
        }
    }

    /// Killed at any moment while it fills: what it serves afterwards is whole, and what lay half written is gone.
    @Test func aKillWhileFillingLeavesWholeBodiesOnly() async throws {
        try await Fleet.run { fleet in
            let origin = try await Self.origin(fleet)
            let edge = try await Self.edge(fleet, origin, ["--memory-bytes", "4000000"])
            let sizes = [50, 70_000, 1_500_000, 6_000_000]
            for id in 1...12 { try await origin.put(id, imageBytes(id, sizes[id % 4])) }
            for round in 1...6 {
                let filling = (1...12).map { id in
                    Task { [request = edge.request("GET", "/images/\(id)")] in try? await fleet.http.send(request) }
                }
                try await Task.sleep(for: .milliseconds(round * round * 3))
                await edge.process.kill()
                for fill in filling { _ = await fill.value }
                try await edge.start()
                let names = fleet.folder.names(in: "data/edge-1/cache").flatMap {
                    fleet.folder.names(in: "data/edge-1/cache/" + $0)
                }
                #expect(names.allSatisfy { $0.hasSuffix(".head") || $0.hasSuffix(".body") })
                #expect(names.count { $0.hasSuffix(".head") } == names.count { $0.hasSuffix(".body") })
                for id in 1...12 where id % 3 == round % 3 {
                    #expect(try await edge.get("/images/\(id)").body == imageBytes(id, sizes[id % 4]))
                }
            }
        }
    }

    @Test func aTileThroughTheEdgeIsComputedOnce() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("worker")
            let origin = try await Self.origin(fleet, ["--join", fleet.url])
            let edge = try await Self.edge(fleet, origin, ["--join", fleet.url])
            try await eventually("all are listed") { try await fleet.memberNames().count == 3 }
            let list = String(decoding: try await fleet.demand("GET", "/v1/members"), as: UTF8.self)
            #expect(list.contains(#""role":"origin","rank":null"#), "\(list)")
            #expect(list.contains(#""role":"edge","rank":null"#), "\(list)")
            let tile = try await edge.get("/tiles/5/9/14.png")
            #expect(tile.status == 200)
            #expect(tile.header("X-Cache") == "MISS")
            #expect(tile.body.starts(with: [0x89, 0x50, 0x4E, 0x47]))
            let again = try await edge.get("/tiles/5/9/14.png")
            #expect(again.header("X-Cache") == "HIT")
            #expect(again.body == tile.body)
            // What is no tile goes to the origin.
            try await origin.put(1, [1, 2, 3])
            #expect(try await edge.get("/images/1").body == [1, 2, 3])
        }
    }

    @Test func oneEdgeUsesADirectory() async throws {
        try await Fleet.run { fleet in
            let origin = try await Self.origin(fleet)
            let edge = try await Self.edge(fleet, origin)
            let second = try await fleet.muster(
                "edge", "--id", "1", "--data", fleet.dataDirectory, "--upstream", origin.url, "--port", "0")
            #expect(second.exitCode == 69)
            #expect(second.errors.contains { $0.contains("edge-1") && $0.contains("another edge") })
            #expect(try await edge.get("/readyz").status == 200)
            // Once the first is gone, however it went, its place is free.
            await edge.process.kill()
            try await edge.start()
        }
    }
}
