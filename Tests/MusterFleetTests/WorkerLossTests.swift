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
        try await Fleet.run(flags: ["--lease-seconds", "600", "--silence-seconds", "600", "--grace-seconds", "0.2"]) {
            fleet in
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

    @Test func aFrozenWorkersTasksGoToAnotherAndItsLateResultChangesNothing() async throws {
        try await Fleet.run(flags: ["--silence-seconds", "0.5", "--lease-seconds", "600"]) { fleet in
            let frozen = try fleet.startWorker("frozen")
            let id = try await fleet.submit(sleepJob(2, ms: 300))
            try await eventually("the frozen worker holds a task") { try await fleet.metric("tasks_leased") == 1 }
            frozen.freeze()
            let heir = try fleet.startWorker("heir")
            #expect(try await fleet.end(of: id).state == .done)
            let results = try await fleet.results(of: id)
            expectWhole(results, count: 2)
            #expect(results.map(\.worker) == ["heir", "heir"])
            frozen.thaw()
            try await eventually("the late result is turned down") {
                try await fleet.metric("reports_stale_total") == 1
            }
            try await eventually("it is a member again") { try await fleet.memberNames() == ["heir", "frozen"] }
            #expect(try await fleet.results(of: id) == results)
            #expect(heir.isRunning && frozen.isRunning)
        }
    }

    /// The value in the outbox is changed by hand: only what comes from there can have it.
    @Test func undeliveredResultsOutliveTheirWorkerAndTheCoordinator() async throws {
        try await Fleet.run { fleet in
            let worker = try fleet.startWorker("keeper")
            let id = try await fleet.submit(sleepJob(1, ms: 500))
            try await eventually("the worker holds the task") { try await fleet.metric("tasks_leased") == 1 }
            await fleet.coordinator.kill()
            let outbox = "keeper/worker/1/outbox"
            let name = try await eventually("the result is kept") { fleet.folder.names(in: outbox).first }
            let report = try await eventually("it is written") {
                let text = String(decoding: try fleet.folder.read("\(outbox)/\(name)"), as: UTF8.self)
                return text.hasSuffix("}") ? text : nil
            }
            await worker.kill()
            let parts = report.split(separator: "[null]", maxSplits: 1)
            try #require(parts.count == 2, "\(report)")
            try fleet.folder.write(Array("\(parts[0])[42]\(parts[1])".utf8), to: "\(outbox)/\(name)")
            try await fleet.startCoordinator()
            #expect(try await fleet.job(id).done == 0)
            _ = try fleet.startWorker("keeper")
            #expect(try await fleet.end(of: id).state == .done)
            expectWhole(try await fleet.results(of: id), count: 1) { _ in "42" }
            try await eventually("the outbox is empty") { fleet.folder.names(in: outbox).isEmpty }
        }
    }

    @Test func aWorkerOutlivesALongAbsenceOfItsCoordinator() async throws {
        try await Fleet.run { fleet in
            let worker = try fleet.startWorker("patient")
            try await eventually("it joined") { try await fleet.memberNames() == ["patient"] }
            await fleet.coordinator.kill()
            try await eventually("it noticed") { worker.transcript.errors.contains { $0.contains("is away") } }
            try await fleet.startCoordinator()
            let id = try await fleet.submit(JobRequest(kernel: "noop", count: 500))
            #expect(try await fleet.end(of: id).state == .done)
            expectWhole(try await fleet.results(of: id), count: 500)
            #expect(worker.isRunning)
            #expect(try await fleet.memberNames() == ["patient"])
        }
    }

    /// The first task kills whoever holds it; its neighbours must not suffer for it.
    @Test func aTaskThatKillsItsWorkersIsParked() async throws {
        try await Fleet.run(flags: ["--grace-seconds", "0", "--crash-limit", "3"]) { fleet in
            let id = try await fleet.submit(sleepJob(3, ms: 1000))
            for victim in 1...3 {
                let worker = try fleet.startWorker("victim-\(victim)")
                try await eventually("victim \(victim) holds it") { try await fleet.metric("tasks_leased") == 1 }
                await worker.kill()
                try await eventually("victim \(victim) is gone") { try await fleet.metric("members") == 0 }
            }
            _ = try fleet.startWorker("survivor", slots: 2)
            #expect(try await fleet.end(of: id).state == .failed)
            let results = try await fleet.results(of: id)
            #expect(results.map(\.task) == [0, 1, 2])
            #expect(results[0].error == "3 workers died while they held this task; it is not tried again")
            #expect(results.dropFirst().allSatisfy { $0.value == "null" })
            let shown = try await fleet.muster("results", "\(id)", "--wait")
            #expect(shown.exitCode == 1)
            #expect(shown.output.first?.contains("3 workers died") == true)
        }
    }

    @Test func sigtermHandsBackAndExitsWithZero() async throws {
        try await Fleet.run(flags: ["--lease-seconds", "600", "--silence-seconds", "600"]) { fleet in
            let worker = try fleet.startWorker("leaver", slots: 2)
            let id = try await fleet.submit(sleepJob(20, ms: 400))
            try await eventually("it works") { try await fleet.job(id).done >= 2 }
            worker.terminate()
            #expect(try await worker.exitCode(within: .seconds(20)) == 0)
            #expect(try await fleet.metric("members") == 0)
            #expect(try await fleet.metric("tasks_leased") == 0)
            let done = try await fleet.job(id).done
            #expect(done < 20)
            #expect(fleet.folder.names(in: "leaver/worker/1/outbox").isEmpty)
            _ = try fleet.startWorker("heir", slots: 20)
            #expect(try await fleet.end(of: id).state == .done)
            expectWhole(try await fleet.results(of: id), count: 20)
        }
    }

    @Test func cancelStopsASleepingWorkerAtOnce() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("sleeper", slots: 2)
            let id = try await fleet.submit(sleepJob(2, ms: 3_600_000))
            try await eventually("both slots sleep") { try await fleet.metric("tasks_leased") == 2 }
            let cancelled = try await fleet.muster("cancel", "\(id)")
            #expect(cancelled.exitCode == 0)
            #expect(cancelled.output == ["job \(id) is cancelled"])
            let next = try await fleet.submit(JobRequest(kernel: "noop", count: 10))
            #expect(try await fleet.end(of: next).state == .done)
            #expect(try await fleet.job(id).state == .cancelled)
            #expect(try await fleet.results(of: id).isEmpty)
        }
    }
}
