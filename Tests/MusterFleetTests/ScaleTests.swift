import Glibc
import MusterAPI
import MusterCore
import MusterHTTPClient
import MusterTestKit
import MusterWire
import Testing

/// Workers that a coordinator launches.
@Suite(.timeLimit(.minutes(5))) struct ScaleTests {
    private func scale(_ fleet: Fleet, _ count: Int) async throws {
        _ = try await fleet.demand("POST", "/v1/scale", Array("{\"workers\":\(count)}".utf8), status: 202)
    }

    private func settle(_ fleet: Fleet, _ count: Int) async throws {
        try await eventually("\(count) workers") {
            try await fleet.memberNames("/servers").count == count && fleet.launchedProcesses("worker-").count == count
        }
    }

    @Test func growsAndShrinks() async throws {
        try await Fleet.run { fleet in
            try await scale(fleet, 4)
            try await settle(fleet, 4)
            #expect(Set(try await fleet.memberNames("/servers")) == ["worker-1", "worker-2", "worker-3", "worker-4"])
            let scaled = try await fleet.muster("scale", "1")
            #expect(scaled.exitCode == 0 && scaled.output == ["1 workers wanted, 1 joined"])
            try await settle(fleet, 1)
            #expect(try await fleet.memberNames("/servers") == ["worker-1"])
            try await scale(fleet, 0)
            try await settle(fleet, 0)
        }
    }

    @Test func shrinkingFinishesWorkFirst() async throws {
        try await Fleet.run { fleet in
            try await scale(fleet, 3)
            try await settle(fleet, 3)
            // Longer than a worker that leaves by itself would take.
            let id = try await fleet.submit(
                JobRequest(kernel: "sleep", params: Array(#"{"ms":7000}"#.utf8), count: 3))
            try await eventually("all are leased") { try await fleet.metric("tasks_leased") == 3 }
            try await scale(fleet, 0)
            let job = try await fleet.end(of: id)
            #expect(job.state == .done)
            #expect(try await fleet.results(of: id).allSatisfy { $0.attempt == 1 })
            try await settle(fleet, 0)
        }
    }

    @Test func theDeadAreReplacedAndTheNumberOutlivesTheCoordinator() async throws {
        try await Fleet.run { fleet in
            try await scale(fleet, 3)
            try await settle(fleet, 3)
            let before = Set(fleet.launchedProcesses("worker-"))
            let lost = before.first!
            kill(lost, SIGKILL)
            try await eventually("another took its place") {
                let now = Set(fleet.launchedProcesses("worker-"))
                return now.count == 3 && !now.contains(lost)
            }
            let kept = Set(fleet.launchedProcesses("worker-"))
            try await fleet.crashCoordinator()
            try await settle(fleet, 3)
            #expect(Set(fleet.launchedProcesses("worker-")) == kept)
            // Asked to end, the coordinator ends them; its successor has as many.
            fleet.coordinator.terminate()
            #expect(try await fleet.coordinator.exitCode() == 0)
            try await eventually("they are gone") { kept.allSatisfy { kill($0, 0) != 0 } }
            try await fleet.startCoordinator()
            try await settle(fleet, 3)
        }
    }

    @Test(arguments: [
        #"{"workers":-1}"#, #"{"workers":1001}"#, #"{"workers":"5"}"#, #"{"workers":1.5}"#, "{}", "", "[]",
    ])
    func nonsenseChangesNothing(_ body: String) async throws {
        try await Fleet.run { fleet in
            let status = try await fleet.call("POST", "/v1/scale", Array(body.utf8)).status
            #expect(status == 422 || status == 400)
            #expect(fleet.launchedProcesses().isEmpty)
        }
    }
}
