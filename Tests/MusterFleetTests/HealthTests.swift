import Glibc
import MusterTestKit
import Testing

/// `muster health` against processes of every role.
@Suite(.timeLimit(.minutes(3))) struct HealthTests {
    private static func health(_ process: FleetProcess, _ flags: String..., in fleet: Fleet) async throws
        -> CommandOutcome
    {
        try await fleet.outcome(of: fleet.start(["health", "--pid", "\(process.pid)"] + flags))
    }

    @Test func everyRoleIsWellWhenItRuns() async throws {
        try await Fleet.run { fleet in
            let origin = try fleet.start(["origin", "--data", fleet.dataDirectory, "--port", "0", "--no-samples"])
            let edge = try fleet.start(["edge", "--id", "3", "--data", fleet.dataDirectory, "--port", "0"])
            let worker = try fleet.startWorker("worker")
            let client = try await fleet.startClient("client")
            for (process, says) in [
                (fleet.coordinator, "/readyz answered 200"), (origin, "/readyz answered 200"),
                (edge, "/readyz answered 200"), (worker, "the worker"), (client, "the client"),
            ] {
                let outcome = try await eventually("\(says) is ready") {
                    let outcome = try await Self.health(process, "--ready", in: fleet)
                    return outcome.exitCode == 0 ? outcome : nil
                }
                #expect(outcome.output.contains { $0.contains(says) }, "\(outcome.output)")
                #expect(try await Self.health(process, in: fleet).exitCode == 0)
            }
            let byURL = try await fleet.muster("health", fleet.url, "--quiet")
            #expect(byURL.exitCode == 0)
            #expect(byURL.output.isEmpty)
        }
    }

    @Test func whoIsAwayFrozenOrAloneIsNot() async throws {
        try await Fleet.run { fleet in
            let alone = try fleet.start(
                ["worker", "--join", "http://127.0.0.1:1", "--name", "alone", "--data", fleet.folder.path + "/alone"])
            try await eventually("it runs") { try await Self.health(alone, in: fleet).exitCode == 0 }
            let ready = try await Self.health(alone, "--ready", in: fleet)
            #expect(ready.exitCode == 1)
            #expect(ready.errors.contains { $0.contains("holds no connection") }, "\(ready.errors)")

            alone.freeze()
            let frozen = try await Self.health(alone, in: fleet)
            #expect(frozen.exitCode == 1)
            #expect(frozen.errors.contains { $0.contains("does not run") }, "\(frozen.errors)")
            alone.thaw()

            let coordinator = fleet.coordinator
            coordinator.freeze()
            let silent = try await fleet.muster("health", fleet.url)
            #expect(silent.exitCode == 1)
            coordinator.thaw()
            await coordinator.kill()
            let gone = try await fleet.muster("health", fleet.url, "--ready")
            #expect(gone.exitCode == 1)
            #expect(gone.errors.contains { $0.contains("connect") }, "\(gone.errors)")
        }
    }

    @Test func aTokenComesFromItsFile() async throws {
        try await Fleet.run { fleet in
            try fleet.folder.write(Array("  \(fleet.token)\n".utf8), to: "token")
            try fleet.folder.write(Array("two words\n".utf8), to: "bad")
            try fleet.folder.write(Array("\(fleet.token)\n".utf8), to: "shared")
            for (file, mode) in [("token", 0o600), ("bad", 0o640), ("shared", 0o644)] as [(String, mode_t)] {
                #expect(chmod(fleet.folder.path + "/" + file, mode) == 0)
            }
            func jobs(_ file: String, token: String = "") async throws -> CommandOutcome {
                try await fleet.muster(
                    "jobs",
                    environment: [
                        "MUSTER_TOKEN": token, "MUSTER_TOKEN_FILE": fleet.folder.path + "/" + file,
                        "MUSTER_DATA": fleet.folder.path + "/nowhere",
                    ])
            }
            #expect(try await jobs("token").exitCode == 0)
            // What is given itself wins, right or wrong.
            #expect(try await jobs("token", token: "wrong").exitCode == 77)
            for (file, words) in [("bad", "holds 2 words"), ("missing", "No such file"), ("shared", "0644")] {
                let outcome = try await jobs(file)
                #expect(outcome.exitCode == 66)
                #expect(outcome.errors.contains { $0.contains(words) }, "\(outcome.errors)")
            }
        }
    }
}
