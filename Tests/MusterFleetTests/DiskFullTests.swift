import Glibc
import MusterAPI
import MusterCore
import MusterHTTPClient
import MusterJSON
import MusterTestKit
import MusterWire
import Testing

/// No room under the coordinator's database.
@Suite(.timeLimit(.minutes(3))) struct DiskFullTests {
    /// With `MUSTER_REQUIRE_ALL=1` a test that cannot run fails.
    private static let canRun =
        SmallDisk.canBeMade || getenv("MUSTER_REQUIRE_ALL").map { String(cString: $0) } == "1"

    @Test(.enabled(if: canRun, "only root may mount a small disk"))
    func aFullDiskRefusesWithoutLosing() async throws {
        try await Fleet.run(diskBytes: 8 << 20) { fleet in
            let disk = try #require(fleet.disk)
            _ = try fleet.startWorker("worker", slots: 2)
            let running = try await fleet.submit(sleepJob(100, ms: 20))
            try await eventually("it works") { try await fleet.job(running).done > 5 }
            let before = try await fleet.results(of: running)

            disk.fill()
            var accepted: [JobID] = []
            let refusal = try await eventually("a job is refused") {
                let answer = try await fleet.call("POST", "/v1/jobs", JobRequest(kernel: "noop", count: 3).body)
                guard answer.status == 201 else { return HTTPClientResponse?.some(answer) }
                accepted.append(try JobStatus(JSONValue(parsing: answer.body)).id)
                return nil
            }
            let text = String(decoding: refusal.body, as: UTF8.self)
            #expect([503, 507].contains(refusal.status))
            #expect(text.contains("Not stored") && text.contains("full"), "\(text)")
            try await eventually("it says that it is not ready") {
                try await fleet.call("GET", "/readyz").status == 503
            }
            let command = try await fleet.muster("submit", "noop")
            #expect(command.exitCode == 75)
            #expect(command.errors.contains { $0.contains("full") }, "\(command.errors)")
            #expect(try await fleet.job(running).state == .running)
            #expect(try await fleet.results(of: running).starts(with: before.prefix(1)))

            disk.makeRoom()
            try await eventually("it is ready again") { try await fleet.call("GET", "/readyz").status == 200 }
            accepted.append(try await fleet.submit(JobRequest(kernel: "noop", count: 3)))
            for id in accepted {
                #expect(try await fleet.end(of: id).state == .done)
                expectWhole(try await fleet.results(of: id), count: 3)
            }
            #expect(try await fleet.end(of: running).state == .done)
            let results = try await fleet.results(of: running)
            expectWhole(results, count: 100)
            #expect(Set(results).isSuperset(of: before))
        }
    }
}
