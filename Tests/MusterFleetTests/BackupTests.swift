import FoundationEssentials
import Glibc
import MusterAPI
import MusterCore
import MusterHTTPClient
import MusterScheduling
import MusterTestKit
import MusterWire
import Testing

/// A copy of a running coordinator's store, and a coordinator made of it.
@Suite(.timeLimit(.minutes(3))) struct BackupTests {
    private static func muster(_ fleet: Fleet, _ arguments: [String]) async throws -> MusterTestKit.CommandOutcome {
        try await fleet.outcome(of: fleet.start(arguments))
    }

    /// The coordinator dies with all that it has, and comes back from the backup.
    private static func loseAll(_ fleet: Fleet) async throws {
        await fleet.coordinator.kill()
        try FileManager.default.removeItem(atPath: fleet.dataDirectory)
        let restored = try await muster(fleet, ["restore", "fleet.backup", "--data", fleet.dataDirectory])
        #expect(restored.exitCode == 0, "\(restored.errors)")
        try await fleet.startCoordinator()
    }

    @Test func whatWasForgottenNeverCounts() async throws {
        // Members that are written by hand say nothing while the coordinator is away.
        try await Fleet.run(flags: ["--silence-seconds", "600"]) { fleet in
            let worker = try await RawMember("worker", in: fleet)
            let kept = try await fleet.submit(JobRequest(kernel: "noop", count: 2))
            #expect(try await worker.deliver(worker.askForOne().report("1")) == [.recorded(1)])
            let made = try await Self.muster(fleet, ["backup", "fleet.backup"])
            #expect(made.exitCode == 0 && made.output.last?.contains("SHA-256") == true, "\(made.errors)")
            var status = stat()
            #expect(stat(fleet.folder.path + "/fleet.backup", &status) == 0 && status.st_mode & 0o777 == 0o600)

            // All of this is going to be forgotten.
            let held = try await worker.askForOne()
            let forgotten = try await fleet.submit(JobRequest(kernel: "noop", count: 1))
            let stranger = try await RawMember("stranger", in: fleet)
            let strangers = try await stranger.askForOne()
            var ids: Set<Int64> = [kept.rawValue, forgotten.rawValue]

            for _ in 0..<2 {
                try await Self.loseAll(fleet)
                #expect(try await fleet.job(kept).done == 1)
                #expect(try await fleet.call("GET", "/v1/jobs/\(forgotten)").status == 404)
                #expect(try await fleet.results(of: kept).map(\.value) == ["1"])
                for member in [worker, stranger] {
                    let answer = try await fleet.call(
                        "POST", "/v1/results", ReportWire.body(joining: []).bytes, token: member.identity.secret)
                    #expect(answer.status == 401)
                }
                // Whoever was a member joins anew, and what it was handed out fits nothing.
                let again = try await RawMember("worker", in: fleet)
                #expect(again.identity.id.rawValue > 1 << 40)
                #expect(try await again.deliver(held.report("666")) == [.forged])
                let new = try await RawMember("stranger", in: fleet)
                #expect(new.identity.id.rawValue > 1 << 40)
                #expect(try await new.deliver(strangers.report("666")) == [.forged])
                let job = try await fleet.submit(JobRequest(kernel: "noop", count: 1))
                #expect(job.rawValue > 1 << 40 && ids.insert(job.rawValue).inserted)
                #expect(try await again.deliver(again.askForOne().report("2")) == [.recorded(1)])
                #expect(try await fleet.end(of: kept).state == .done)
            }
        }
    }

    /// Real workers find their way back by themselves, and what was lost is done again.
    @Test func workersComeBack() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("steady", slots: 2)
            try await fleet.awaitWorkers(1)
            let job = try await fleet.submit(JobRequest(kernel: "noop", count: 1_000))
            _ = try await fleet.end(of: job)
            let running = try await fleet.submit(
                JobRequest(kernel: "sleep", params: Array("{\"ms\":50}".utf8), count: 200))
            try await eventually("some of it is recorded") { try await fleet.job(running).done > 0 }
            #expect(try await Self.muster(fleet, ["backup", "fleet.backup"]).exitCode == 0)
            try await eventually("more of it is recorded") { try await fleet.job(running).done > 20 }
            try await Self.loseAll(fleet)
            #expect(try await fleet.end(of: running).state == .done)
            #expect(try await fleet.results(of: running).count == 200)
            #expect(try await fleet.results(of: job).count == 1_000)
        }
    }

    @Test func whatCannotBeDoneLeavesNothing() async throws {
        try await Fleet.run { fleet in
            #expect(try await Self.muster(fleet, ["backup", "/no/such/folder/a"]).exitCode == 73)
            #expect(try await fleet.call("GET", "/v1/backup", token: "wrong").status == 401)
            #expect(try await Self.muster(fleet, ["backup", "fleet.backup"]).exitCode == 0)
            let data = fleet.folder.path + "/other"
            let running = try await Self.muster(fleet, ["restore", "fleet.backup", "--data", fleet.dataDirectory])
            #expect(running.exitCode == 75, "\(running.errors)")
            #expect(try await Self.muster(fleet, ["restore", "no.backup", "--data", data]).exitCode == 66)
            #expect(try await Self.muster(fleet, ["restore", ".", "--data", data]).exitCode == 66)
            try fleet.folder.write(Array("not a database\n".utf8), to: "text")
            try fleet.folder.write(fleet.folder.read("fleet.backup").dropLast(1).map { $0 }, to: "cut")
            for name in ["text", "cut", "/dev/null"] {
                let refused = try await Self.muster(fleet, ["restore", name, "--data", data])
                #expect(refused.exitCode == 65, "\(refused.errors)")
                let message = refused.errors.last ?? ""
                #expect(message.contains("\(name) is no whole backup") && message.contains("SHA-256"), "\(message)")
                // What can be looked at twice is, before there is a new folder for nothing.
                #expect(name == "/dev/null" || access(data, F_OK) != 0)
            }
            let folder = (try? FileManager.default.contentsOfDirectory(atPath: data + "/coordinator")) ?? []
            #expect(folder.allSatisfy { $0.hasSuffix(".lock") }, "\(folder)")
            #expect(try await Self.muster(fleet, ["restore", "fleet.backup", "--data", data]).exitCode == 0)
            let twice = try await Self.muster(fleet, ["restore", "fleet.backup", "--data", data])
            #expect(twice.exitCode == 73 && twice.errors.last?.contains("move it away") == true, "\(twice.errors)")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: fleet.dataDirectory + "/coordinator")
                    .allSatisfy { !$0.hasPrefix("backup.") })
        }
    }
}
