import FoundationEssentials
import Glibc
import MusterHTTPClient
import MusterTestKit
import Testing

/// What edges that are processes have in common: what one fetched, what was purged, what their origin changed.
@Suite(.timeLimit(.minutes(5))) struct EdgeWarmingTests {
    @Test func aMissWarmsAll() async throws {
        try await Fleet.run { fleet in
            let edges = try await EdgeFleet(fleet, [1, 2, 3])
            try await edges.leads(3)
            for image in 1...9 { try await edges.put(image, imageBytes(image, 1 << (2 * image))) }
            for image in 1...9 { _ = try await edges.get(image % 3 + 1, "/images/\(image)") }
            for image in 1...9 {
                for id in 1...3 {
                    try await edges.expect(id, has: "/images/\(image)")
                    let response = try await edges[id].get("/images/\(image)")
                    #expect(response.header("X-Cache") == "HIT")
                    #expect(response.body == imageBytes(image, 1 << (2 * image)))
                    #expect(response.header("X-Muster-Position") == nil)
                }
            }
        }
    }

    /// Killed, or frozen for longer than the others wait: back again, it serves nothing purged, and has what the others fetched.
    @Test(arguments: [true, false]) func aFollowerThatWasAway(isKilled: Bool) async throws {
        try await Fleet.run { fleet in
            let edges = try await EdgeFleet(fleet, [1, 2, 3])
            try await edges.leads(3)
            for image in 1...20 { try await edges.put(image, imageBytes(image, 5_000)) }
            for image in 1...10 { _ = try await edges.get(2, "/images/\(image)") }
            for image in 1...10 { try await edges.expect(1, has: "/images/\(image)") }
            if isKilled {
                try await eventually("it is written") {
                    try await edges.metric(1, "cache_disk_bytes").map { $0 >= 10 * 5_000 } == true
                }
                await edges[1].process.kill()
            } else {
                edges[1].process.freeze()
            }
            try await eventually("it is missed") {
                try await edges.purge(2, "{\"id\":1}").contains("\"missing\":[1]")
            }
            try await eventually("it is taken for dead") {
                String(decoding: try await edges.get(3, "/v1/edge").body, as: UTF8.self).contains("\"alive\":false")
            }
            for image in 11...20 { _ = try await edges.get(2, "/images/\(image)") }
            if isKilled { try await edges[1].start() } else { edges[1].process.thaw() }
            for _ in 0..<50 {
                #expect(try await !edges.has(1, "/images/1"))
                #expect(
                    try await edges.get(1, "/images/1", [("Cache-Control", "only-if-cached, max-stale")]).status == 504)
            }
            for image in 2...20 { try await edges.expect(1, has: "/images/\(image)") }
            #expect(try await !edges.has(1, "/images/1"))
        }
    }

    /// PUT and DELETE reach every edge, one that was killed and one that was frozen included.
    @Test func changesReachAll() async throws {
        try await Fleet.run { fleet in
            let edges = try await EdgeFleet(fleet, [1, 2, 3])
            try await edges.leads(3)
            for image in 1...4 {
                try await edges.put(image, imageBytes(image, 3_000))
                for id in 1...3 { _ = try await edges.get(id, "/images/\(image)") }
            }
            func expectChanged(_ images: (put: Int, deleted: Int), _ body: [UInt8]) async throws {
                for id in 1...3 {
                    try await eventually("edge \(id) has it anew") {
                        try await edges.get(id, "/images/\(images.put)").body == body
                    }
                    try await eventually("edge \(id) has it no more") {
                        try await edges.get(id, "/images/\(images.deleted)").status == 404
                    }
                }
            }
            try await edges.put(1, imageBytes(7, 2_000))
            try await edges.delete(2)
            try await expectChanged((1, 2), imageBytes(7, 2_000))
            await edges[1].process.kill()
            edges[2].process.freeze()
            try await edges.put(3, imageBytes(8, 1_000))
            try await edges.delete(4)
            try await edges[1].start()
            edges[2].process.thaw()
            try await expectChanged((3, 4), imageBytes(8, 1_000))
            try await edges.leads(3)
        }
    }

    /// The origin begins a new history: what edges have of the old one is forgotten, whoever hears of it first.
    @Test func anotherOrigin() async throws {
        try await Fleet.run { fleet in
            let edges = try await EdgeFleet(fleet, [1, 2, 3])
            try await edges.leads(3)
            for round in 1...5 { for image in 1...3 { try await edges.put(image, imageBytes(image + round, 2_000)) } }
            for image in 1...3 { _ = try await edges.get(1, "/images/\(image)") }
            for id in 1...3 { try await edges.expect(id, has: "/images/3") }
            await edges.origin.process.kill()
            try FileManager.default.removeItem(atPath: fleet.dataDirectory + "/origin")
            try await edges.origin.start()
            try await edges.put(1, [1, 2, 3])
            for id in 1...3 {
                try await eventually("edge \(id) has the new one") {
                    try await edges.get(id, "/images/1").body == [1, 2, 3]
                }
                try await eventually("edge \(id) has the others no more") {
                    try await edges.get(id, "/images/2").status == 404
                }
            }
            for id in 1...3 { try await edges.expect(id, has: "/images/1") }
            for id in 1...3 { #expect(try await edges[id].get("/images/1").body == [1, 2, 3]) }
        }
    }
}
