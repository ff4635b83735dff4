import MusterAPI
import MusterHTTPClient
import MusterJSON
import MusterTestKit
import MusterWire
import Testing

/// `muster status` before a fleet of real processes.
@Suite(.timeLimit(.minutes(3))) struct StatusTests {
    private static let token = ["--token", "fleet-token"]

    @Test func theWholeFleetIsOnOneScreen() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("worker-a", slots: 2)
            let origin = try await ServerProcess(
                fleet, ["origin", "--no-samples", "--data", fleet.folder.path + "/servers"] + Self.token)
            try await origin.put(1, imageBytes(1, 5_000))
            let edge = try await ServerProcess(
                fleet,
                [
                    "edge", "--id", "7", "--upstream", origin.url, "--data", fleet.folder.path + "/servers", "--join",
                    fleet.url,
                ]
                    + Self.token)
            for _ in 1...4 { #expect(try await edge.get("/images/1").status == 200) }
            let id = try await fleet.submit(sleepJob(400, ms: 50))
            try await eventually("all are there, and it works") {
                let names = try await fleet.memberNames()
                let done = try await fleet.job(id).done
                return names.count == 2 && done > 10
            }
            try await eventually("the edge leads") {
                let status = try await fleet.muster("status", "--coordinator", fleet.url)
                #expect(status.exitCode == 0, "\(status.errors)")
                return status.output.contains {
                    $0.hasPrefix("edges      edge 7 leads (term ") && $0.hasSuffix("hit ratio 75%")
                }
            }
            let screen = try await fleet.muster("status", "--coordinator", fleet.url).output
            #expect(screen.contains("members    1 worker, 1 edge; 2 slots of live workers"))
            #expect(screen.contains { $0.hasPrefix("     0  worker-a") && $0.contains("alive") })
            #expect(screen.contains { $0.hasPrefix("work       1 unfinished jobs, ") })
            #expect(screen.contains { $0.hasPrefix("  job \(id) sleep") && $0.contains("/400") })
            #expect(screen.contains { $0.contains(edge.url) })
            #expect(!screen.contains { $0.hasPrefix("!") }, "\(screen)")
            await edge.process.kill()
            try await eventually("it is missed") {
                try await fleet.muster("status", "--coordinator", fleet.url).output
                    .contains { $0.hasPrefix("! edge-7 ") }
            }
        }
    }

    @Test func aProgramReadsItAgainAndAgain() async throws {
        try await Fleet.run { fleet in
            let watching = try fleet.start([
                "status", "--watch", "--interval-seconds", "0.2", "--json", "--coordinator", fleet.url,
            ])
            try await eventually("three looks") { watching.transcript.output.count >= 3 }
            for line in watching.transcript.output.prefix(3) {
                var fields = try JSONFields(JSONValue(parsing: Array(line.utf8)), path: "")
                #expect(try fields.bool("ready") == true)
                #expect(try fields.array("warnings")?.isEmpty == true)
            }
            // It sees the coordinator go and come back.
            await fleet.coordinator.kill()
            try await eventually("it says so") {
                watching.transcript.errors.contains { $0.contains("nobody answers at") }
            }
            let before = watching.transcript.output.count
            try await fleet.startCoordinator()
            try await eventually("it is back") { watching.transcript.output.count > before + 1 }
            #expect(watching.isRunning)
        }
    }

    @Test func withoutACoordinatorItSaysSo() async throws {
        try await Fleet.run { fleet in
            let url = fleet.url
            await fleet.coordinator.kill()
            let status = try await fleet.muster("status", "--coordinator", url)
            #expect(status.exitCode == 69)
            #expect(status.output.isEmpty)
        }
    }
}
