import Glibc
import MusterAPI
import MusterCore
import MusterTestKit
import Testing

/// `muster run --image`, on a real engine.
@Suite(.timeLimit(.minutes(5)), .enabled(if: Docker.isThere, Docker.reason)) struct RunImageTests {
    private func withWorker(_ body: (Fleet, FleetProcess) async throws -> Void) async throws {
        try await Fleet.run { fleet in
            let worker = try fleet.startCommandWorker("w", slots: 2)
            try await body(fleet, worker)
            worker.terminate()
            try await worker.exitCode()
        }
    }

    private static let run = "muster run --image \(Docker.image)"

    @Test func commandsRunInContainersAsTheyDoWithout() async throws {
        try await withWorker { fleet, _ in
            let plain = try await fleet.script("\(Self.run) echo {} ::: 'a  b' '$HOME' \"it's\"")
            #expect(plain.text == "a  b\n$HOME\nit's\n" && plain.code == 0, "\(plain.errors)")
            let script = "echo $MUSTER_VALUE $G $MUSTER_TASK $MUSTER_WORKER; echo e >&2; exit {}"
            let shell = try await fleet.script("\(Self.run) --env G=g '\(script)' ::: 0 3")
            #expect(shell.text == "0 g 0 w\n3 g 1 w\n" && shell.code == 1, "\(shell.errors)")
            #expect(shell.errors.contains("failed: \"3\": exit code 3") && shell.errors.hasPrefix("e\ne\n"))
            let missing = try await fleet.script("\(Self.run) --joblog log no-such-program ::: a")
            #expect(missing.code == 1)
            #expect(try await fleet.script("tail -1 log | cut -f 7").text == "127\n")
        }
    }

    /// Not root, no network, and nothing to write to but its folder, which is the task's own and gone afterwards.
    @Test func aCommandHasLittle() async throws {
        try await withWorker { fleet, _ in
            let script = "id -u; pwd; ls /sys/class/net; touch /x 2>/dev/null || echo no; touch a && ls"
            let little = try await fleet.script("\(Self.run) '\(script); : {}' ::: 1")
            let user = geteuid() == 0 ? 65_534 : geteuid()
            #expect(little.text == "\(user)\n/work\nlo\nno\na\n", "\(little.text) \(little.errors)")
            let net = try await fleet.script("\(Self.run) --network 'ls /sys/class/net; : {}' ::: 1")
            #expect(net.text.contains("eth0"), "\(net.text) \(net.errors)")
            let memory = try await fleet.script("\(Self.run) --memory 16M 'exec tail /dev/zero; : {}' ::: 1")
            #expect(memory.code == 1 && memory.errors.contains("out of memory at 16777216 bytes"), "\(memory.errors)")
            let left = try await fleet.script("ls w/worker/1/tasks")
            #expect(left.text.isEmpty, "\(left.text)")
            #expect(try await Docker.run(["ps", "-aq", "--filter", "label=muster.worker"]).isEmpty)
        }
    }

    /// Lines come before the command ends, which it never does by itself.
    @Test func linesComeWhileAContainerRuns() async throws {
        try await withWorker { fleet, _ in
            let run = try fleet.start(
                [
                    "run", "--image", Docker.image, "--line-buffer", ": {}; echo one; echo e >&2; exec sleep 1000",
                    ":::", "a",
                ])
            try await eventually("both streams have come") {
                run.transcript.output == ["one"] && run.transcript.errors == ["e"]
            }
            let follower = try fleet.start(["logs", "-f", "1", "1"])
            try await eventually("the follower has it") { follower.transcript.output == ["one"] }
            #expect(try await fleet.script("muster cancel 1").code == 0)
            #expect(try await fleet.outcome(of: run).exitCode == 1)
            _ = try await fleet.outcome(of: follower)
            try await eventually("its container goes") {
                try await Docker.run(["ps", "-aq", "--filter", "label=muster.worker"]).isEmpty
            }
        }
    }

    @Test func aTimeoutEndsTheContainer() async throws {
        try await withWorker { fleet, _ in
            let script = "trap : TERM; echo begun; while :; do sleep 1; done"
            let late = try await fleet.script("\(Self.run) --timeout 1 --kill-after 1 '\(script); : {}' ::: 1")
            #expect(late.text == "begun\n")
            #expect(late.errors.contains("timed out after 1 s (TERM sent, then KILL)"), "\(late.errors)")
            #expect(try await Docker.run(["ps", "-aq", "--filter", "label=muster.worker"]).isEmpty)
        }
    }

    /// What a worker that was killed left is removed when it comes back.
    @Test func noContainerStays() async throws {
        try await Fleet.run { fleet in
            let doomed = try fleet.startCommandWorker("w", slots: 1)
            #expect(try await fleet.script("\(Self.run) --detach --no-rerun 'sleep 600; : {}' ::: 1").text == "1\n")
            let label = ["ps", "-q", "--filter", "label=muster.run"]
            try await eventually("it runs") { try await !Docker.run(label).isEmpty }
            await doomed.kill()
            let end = try await fleet.end(of: JobID(1))
            #expect(end.state == .failed)
            let error = try await fleet.results(of: JobID(1)).first?.error
            #expect(error == "its worker was lost, and it is not run again")
            let worker = try fleet.startCommandWorker("w", slots: 1)
            try await eventually("its container is gone") { try await Docker.run(label).isEmpty }
            worker.terminate()
            try await worker.exitCode()
        }
    }

    /// They are read only there; beside them, in folders, too, a command writes.
    @Test func filesGoIntoContainersAndComeBack() async throws {
        try await withWorker { fleet, _ in
            let origin = try await ServerProcess(
                fleet, ["origin", "--no-samples", "--data", fleet.folder.path + "/origin", "--join", fleet.url])
            try await eventually("\(origin.url) is listed") { try await fleet.memberNames().count == 2 }
            let made = try await fleet.script(
                "mkdir in; for i in 1 2 3; do echo \"I am $i\" >in/$i; done; echo x >common")
            #expect(made.code == 0, "\(made.errors)")
            let script = "test -w common && echo writable; tr a-z A-Z <{} >{}.up"
            let run = try await fleet.script(
                "\(Self.run) --send common --send {} --return {}.up '\(script)' ::: in/1 in/2 in/3")
            #expect(run.code == 0 && run.text.isEmpty, "\(run.text) \(run.errors)")
            #expect(try await fleet.script("cat in/1.up in/2.up in/3.up").text == "I AM 1\nI AM 2\nI AM 3\n")
        }
    }

    /// Its files have the same names in it as without a container.
    @Test func aCommandRunsInAFolderOfItsTask() async throws {
        try await withWorker { fleet, _ in
            let origin = try await ServerProcess(
                fleet, ["origin", "--no-samples", "--data", fleet.folder.path + "/origin", "--join", fleet.url])
            try await eventually("\(origin.url) is listed") { try await fleet.memberNames().count == 2 }
            let script =
                "mkdir -p src && echo text >src/in && \(Self.run) --workdir src/sub --send src/in --return src/sub/out"
            let run = try await fleet.script("\(script) 'pwd; cat ../in >out; : {}' ::: 1 && cat src/sub/out")
            #expect(run.text == "/work/src/sub\ntext\n" && run.code == 0, "\(run.text) \(run.errors)")
        }
    }

    /// The engine gives it no more than it may have.
    @Test func aCommandHasSoManyProcesses() async throws {
        try await withWorker { fleet, _ in
            let script = "for i in 1 2 3 4 5 6; do sleep 0.2 & done; wait; echo end"
            let few = try await fleet.script("\(Self.run) --pids 4 '\(script); : {}' ::: 1")
            #expect(few.errors.contains("Cannot fork"), "\(few.text) \(few.errors)")
            let enough = try await fleet.script("\(Self.run) --pids 7 '\(script); : {}' ::: 1")
            #expect(enough.text == "end\n" && enough.code == 0, "\(enough.errors)")
        }
    }

    /// No machine of these tests has a runtime for GPUs: who asks for one reads the engine's own words.
    @Test func aMachineWithoutARuntimeForGPUsSaysSo() async throws {
        try await Fleet.run { fleet in
            let worker = try fleet.startWorker(
                "w", flags: ["--gpus", "2"], environment: ["MUSTER_ALLOW_EXEC": "true"])
            #expect(try await fleet.script("\(Self.run) --detach --gpus 1 'true {}' ::: 1").text == "1\n")
            let words = Docker.isPodman ? "Podman hands no GPUs on" : "could not select device driver"
            try await eventually("the job says why") {
                try await fleet.script("muster job 1").text.contains(words)
            }
            #expect(try await fleet.script("muster cancel 1").code == 0)
            worker.terminate()
            try await worker.exitCode()
        }
    }

    @Test func whatNoWorkerCanRunIsSaid() async throws {
        try await withWorker { fleet, _ in
            let missing = try await fleet.script(
                "\(Self.run.replacing(Docker.image, with: "no-such/image:1")) echo ::: 1")
            #expect(missing.code == 1 && missing.errors.contains("no-such/image:1"), "\(missing.errors)")
            let network = try await fleet.script("muster run --network echo ::: 1")
            #expect(network.code == 64 && network.errors.contains("--image"))
        }
    }
}
