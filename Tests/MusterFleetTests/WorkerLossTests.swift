import Glibc
import MusterAPI
import MusterCore
import MusterTestKit
import Testing

/// Each task exactly one line, in order.
func expectWhole(
    _ results: [TaskResult], count: Int, values: (Int) -> String = { _ in "null" },
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(results.map(\.task) == Array(0..<count), sourceLocation: sourceLocation)
    let wrong = results.first { $0.value != values($0.task) }
    #expect(wrong == nil, sourceLocation: sourceLocation)
}

func sleepJob(_ count: Int, ms: Int) -> JobRequest {
    JobRequest(kernel: "sleep", params: Array("{\"ms\":\(ms)}".utf8), count: count)
}

/// Workers that die, freeze and come back.
@Suite(.timeLimit(.minutes(3))) struct WorkerLossTests {
    /// Nothing but the break of the stream can return the lease here: leases and silence last minutes.
    @Test func aKilledWorkersTasksGoToAnother() async throws {
        try await Fleet.run(flags: ["--lease-seconds", "600", "--silence-seconds", "600", "--grace-seconds", "0.2"]) { fleet in
            let doomed = try fleet.startWorker("doomed")
            let id = try await fleet.submit(sleepJob(3, ms: 300))
            try await eventually("the doomed worker holds a task") { try await fleet.metric("tasks_leased") == 1 }
            await doomed.kill()
            _ = try fleet.startWorker("heir")
            #expect(try await fleet.end(of: id).state == .done)
            expectWhole(try await fleet.results(of: id), count: 3)
            #expect(try await fleet.metric("tasks_copied_total") == 0)
            #expect(try await fleet.metric("leases_expired_total") == 0)
        }
    }
}
