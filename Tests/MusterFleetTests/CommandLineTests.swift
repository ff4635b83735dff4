import MusterAPI
import MusterCore
import MusterJSON
import MusterTestKit
import MusterWire
import Testing

/// The commands against a fleet that runs.
@Suite(.timeLimit(.minutes(3))) struct CommandLineTests {
    @Test func aJobFromSubmitToResults() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("adder", slots: 2)
            let events = try fleet.start(["events", "--json"])
            try await eventually("the worker is listed") { try await fleet.memberNames("/servers") == ["adder"] }
            try fleet.folder.write(Array("[1,2]\n[3,4,5]\n[0.5]\n".utf8), to: "inputs.ndjson")
            let submitted = try await fleet.muster("submit", "sum", "--input", "inputs.ndjson", "--wait")
            #expect(submitted.exitCode == 0)
            #expect(submitted.output == ["1"])

            let text = try await fleet.muster("results", "1", "--wait")
            #expect(text.exitCode == 0)
            #expect(text.output == ["0\t3", "1\t12", "2\t0.5"])
            let json = try await fleet.muster("results", "1", "--json")
            #expect(json.exitCode == 0)
            #expect(json.output.count == 3)
            #expect(
                json.output.first?.hasPrefix(#"{"task":0,"value":3,"worker":"adder","attempt":1,"seconds":"#) == true)

            let job = try await fleet.muster("job", "1")
            #expect(job.exitCode == 0)
            #expect(
                Array(job.output.prefix(6)) == [
                    "job       1", "kernel    sum", "state     done", "tasks     3", "done      3 (100%)",
                    "failed    0",
                ])
            #expect(job.output.last == "worker    adder: 3")
            let asJSON = try await fleet.muster("job", "1", "--json")
            #expect(try JobStatus(JSONValue(parsing: Array(asJSON.output.joined().utf8))).state == .done)

            let jobs = try await fleet.muster("jobs")
            #expect(jobs.exitCode == 0)
            #expect(jobs.output.count == 2)
            #expect(jobs.output.last?.split(separator: " ").prefix(3) == ["1", "sum", "done"])
            let workers = try await fleet.muster("workers")
            #expect(workers.exitCode == 0)
            #expect(workers.output.count == 2)
            #expect(workers.output.last?.split(separator: " ").prefix(4) == ["0", "adder", "alive", "2"])

            try await eventually("the events tell of the job's end") {
                events.transcript.output.contains { $0.contains("job-ended") && $0.contains(#""id":1"#) }
            }
            #expect(events.isRunning)
        }
    }

    @Test func exitCodesTellTheCausesApart() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("worker")
            let failed = try await fleet.muster("submit", "fail", "--wait", "--attempts", "2", "--retry-delay", "0")
            #expect(failed.exitCode == 1)
            #expect(failed.output == ["1"])
            #expect(failed.errors.contains { $0.contains("job 1 failed") })
            let results = try await fleet.muster("results", "1")
            #expect(results.exitCode == 0)
            #expect(results.output == ["0\tfailed: failed as asked, attempt 2"])
            #expect(try await fleet.muster("results", "1", "--wait").exitCode == 1)
            #expect(try await fleet.muster("cancel", "1").exitCode == 65)

            for command in ["job", "results", "cancel"] {
                let unknown = try await fleet.muster(command, "4711")
                #expect(unknown.exitCode == 66, "\(command)")
                #expect(unknown.errors.contains { $0.contains("4711") }, "\(command): \(unknown.errors)")
            }
            let wrong = ["MUSTER_TOKEN": "wrong"]
            for command in ["jobs", "workers", "events"] {
                #expect(try await fleet.muster(command, environment: wrong).exitCode == 77, "\(command)")
            }
            #expect(try await fleet.muster("submit", "noop", environment: wrong).exitCode == 77)
            let worker = try await fleet.muster(
                "worker", "--join", fleet.url, "--data", "stranger", environment: wrong)
            #expect(worker.exitCode == 77)
            #expect(try await fleet.muster("submit", "nonsense").exitCode == 65)
            #expect(try await fleet.muster("submit", "sum", "--input", "missing").exitCode == 66)
            #expect(try await fleet.muster("submit").exitCode == 64)

            await fleet.coordinator.kill()
            for command in ["jobs", "workers", "events"] {
                let away = try await fleet.muster(command)
                #expect(away.exitCode == 69, "\(command)")
                #expect(away.errors.contains { $0.contains(fleet.url) }, "\(command): \(away.errors)")
            }
            #expect(try await fleet.muster("submit", "noop").exitCode == 69)
            #expect(try await fleet.muster("results", "1", "--wait").exitCode == 69)
        }
    }

    @Test func waitersOfACancelledJobEndWithOne() async throws {
        try await Fleet.run { fleet in
            let submit = try fleet.start(["submit", "sleep", "--param", "ms=60000", "--wait"])
            try await eventually("the job is there") { submit.transcript.output == ["1"] }
            let results = try fleet.start(["results", "1", "--wait"])
            #expect(try await fleet.muster("cancel", "1").exitCode == 0)
            let submitted = try await fleet.outcome(of: submit)
            #expect(submitted.exitCode == 1)
            #expect(submitted.errors.contains { $0.contains("job 1 was cancelled") })
            let waited = try await fleet.outcome(of: results)
            #expect(waited.exitCode == 1)
            #expect(waited.errors.contains { $0.contains("job 1 was cancelled") }, "\(waited.errors)")
            let none = try await fleet.muster("results", "1")
            #expect(none.exitCode == 0)
            #expect(none.output.isEmpty)
            #expect(try await fleet.muster("cancel", "1").exitCode == 0)
        }
    }
}
