import Glibc
import Testing

@testable import MusterLaunch

@Suite("launched processes", .timeLimit(.minutes(5)))
struct ProcessLauncherTests {
    private let bench = LauncherBench()
    private let sleeper = "exec sleep 600"
    private let deaf = "trap '' TERM; echo ready; while :; do sleep 0.01; done"

    static let ends: [(String, String)] = [
        ("exit 0", "exit code 0"), ("exit 7", "exit code 7"), ("kill -9 $$", "signal 9"), ("kill -15 $$", "signal 15"),
        ("echo first; echo words; exit 3", "exit code 3: words"),
        ("echo out; echo err >&2; exit 1", "exit code 1: err"),
        ("echo words; echo; echo; exit 1", "exit code 1: words"),
        ("printf 'no newline'; exit 1", "exit code 1: no newline"),
        ("echo; exit 1", "exit code 1"), ("echo words; kill -11 $$", "signal 11: words"),
    ]

    @Test("the end is told with how it ended and the last words, and leaves no file", arguments: ends)
    func tellsTheEnd(script: String, reason: String) async throws {
        let launcher = bench.launcher()
        try await launcher.launch(LauncherBench.script("child-1", script))
        #expect(await bench.reasons("child-1", count: 1) == [reason])
        #expect(bench.files == [])
    }

    @Test("what shares this process's output leaves its errors alone in the file")
    func sharedOutput() async throws {
        let launcher = bench.launcher()
        for (name, script, reason) in [
            ("part-1", "echo out; exit 3", "exit code 3"),
            ("part-2", "echo err >&2; echo out; exit 1", "exit code 1: err"),
        ] {
            var spec = LauncherBench.script(name, script)
            spec.sharesOutput = true
            try await launcher.launch(spec)
            #expect(await bench.reasons(name, count: 1) == [reason])
        }
    }

    @Test("of overlong last words their end is told")
    func overlongWords() async throws {
        let launcher = bench.launcher()
        let script = "echo first; head -c 100000 /dev/zero | tr '\\0' x; echo end; exit 1"
        try await launcher.launch(LauncherBench.script("child-1", script))
        let reason = try #require(await bench.reasons("child-1", count: 1).first)
        #expect(reason.hasPrefix("exit code 1: xxx") && reason.hasSuffix("xxxend"))
        #expect(reason.utf8.count <= 320)
    }

    @Test("each end is told once, and then the name is free again")
    func toldOnce() async throws {
        let launcher = bench.launcher()
        for life in 1...5 {
            try await launcher.launch(LauncherBench.script("child-1", "echo \(life); exit \(life)"))
            let expected = (1...life).map { "exit code \($0): \($0)" }
            #expect(await bench.reasons("child-1", count: life) == expected)
            #expect(try await launcher.adopt(expecting: [:]) == [])
        }
        #expect(bench.exits.count == 5)
    }

    @Test("ends from before anybody listened are told then")
    func toldLate() async throws {
        let launcher = bench.launcher(listens: false)
        for name in ["child-1", "child-2"] {
            try await launcher.launch(LauncherBench.script(name, "echo \(name); exit 4"))
        }
        // Told or about to be; either way it comes once.
        let bench = bench
        #expect(await bench.holds { bench.files == [] })
        bench.listen(to: launcher)
        #expect(await bench.reasons("child-1", count: 1) == ["exit code 4: child-1"])
        #expect(await bench.reasons("child-2", count: 1) == ["exit code 4: child-2"])
    }

    @Test("a name that runs is not started again, however many ask at once")
    func startsOnce() async throws {
        let launcher = bench.launcher()
        let path = bench.path("starts")
        let spec = LauncherBench.script("worker-1", "echo start >> \(path); echo ready; \(sleeper)")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { try await launcher.launch(spec) } }
            try await group.waitForAll()
        }
        let bench = bench
        #expect(await bench.holds { bench.text("worker-1.log") == "ready\n" })
        try await launcher.launch(spec)
        #expect(try await launcher.adopt(expecting: [:]) == ["worker-1"])
        launcher.stop("worker-1", grace: .seconds(60))
        #expect(await bench.reasons("worker-1", count: 1) == ["signal 15: ready"])
        #expect(bench.text("starts") == "start\n")
    }

    @Test("what runs carries its fleet's label and its own variables")
    func environment() async throws {
        let launcher = bench.launcher(fleet: "f 1")
        let script = "echo \"$MUSTER_LAUNCHED|$MUSTER_TOKEN|$PATH\""
        try await launcher.launch(
            LauncherBench.script("child-1", script, environment: ["MUSTER_TOKEN": "a b", "PATH": "/bin"]))
        #expect(await bench.reasons("child-1", count: 1) == ["exit code 0: \(launcher.label("child-1"))|a b|/bin"])
    }

    @Test("the password of the coordinator's database goes to nobody")
    func databasePassword() async {
        // In a process of its own, as others read the environment meanwhile.
        await #expect(processExitsWith: .success) {
            setenv("PGPASSWORD", "secret", 1)
            setenv("PGUSER", "somebody", 1)
            let bench = LauncherBench()
            let launcher = bench.launcher()
            try await launcher.launch(LauncherBench.script("worker-1", "echo \"$PGUSER|${PGPASSWORD-none}\""))
            let reasons = await bench.reasons("worker-1", count: 1)
            #expect(reasons == ["exit code 0: somebody|none"])
            launcher.killAll()
        }
    }

    @Test("what it leaves behind in its group ends with it")
    func groupEnds() async throws {
        let launcher = bench.launcher()
        try await launcher.launch(LauncherBench.script("child-1", "sleep 600 & echo $!; exit 3"))
        let reason = try #require(await bench.reasons("child-1", count: 1).first)
        let left = try #require(reason.split(separator: " ").last.flatMap { pid_t($0) })
        #expect(await bench.holds { LaunchRecord(pid: left) == nil })
    }

    // MARK: Stopping

    @Test("stopping asks first")
    func stops() async throws {
        let launcher = bench.launcher()
        let polite = "trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.01; done"
        try await launcher.launch(LauncherBench.script("worker-1", polite))
        let bench = bench
        #expect(await bench.holds { bench.text("worker-1.log") == "ready\n" })
        launcher.stop("worker-1", grace: .seconds(600))
        #expect(await bench.reasons("worker-1", count: 1) == ["exit code 5: asked"])
    }

    @Test("what does not listen is killed")
    func kills() async throws {
        let launcher = bench.launcher()
        try await launcher.launch(LauncherBench.script("worker-1", deaf))
        let bench = bench
        #expect(await bench.holds { bench.text("worker-1.log") == "ready\n" })
        launcher.stop("worker-1", grace: .milliseconds(50))
        #expect(await bench.reasons("worker-1", count: 1) == ["signal 9: ready"])
    }

    @Test("what was just launched can be stopped, and nothing else is")
    func stopsAtOnce() async throws {
        let launcher = bench.launcher()
        try await launcher.launch(LauncherBench.script("worker-11", sleeper))
        for life in 1...10 {
            try await launcher.launch(LauncherBench.script("worker-1", sleeper))
            launcher.stop("worker-1", grace: .seconds(600))
            #expect(await bench.reasons("worker-1", count: life) == .init(repeating: "signal 15", count: life))
        }
        launcher.stop("worker-2", grace: .zero)
        #expect(try await launcher.adopt(expecting: [:]) == ["worker-11"])
        launcher.stop("worker-11", grace: .seconds(600))
        #expect(await bench.reasons("worker-11", count: 1) == ["signal 15"])
    }

    // MARK: Refusals

    @Test("a program that cannot be started is an error that lasts, and leaves the name free")
    func refuses() async throws {
        let program = bench.path("program")
        let launcher = bench.launcher(executable: program)
        let spec = LauncherBench.script("child-1", "exit 9")
        let missing = await #expect(throws: LaunchError.self) { try await launcher.launch(spec) }
        #expect(missing?.code == .notFound && missing?.isRetryable == false)
        #expect(missing?.message.contains(program) == true)
        #expect(symlink("/etc/passwd", program) == 0)
        let notExecutable = await #expect(throws: LaunchError.self) { try await launcher.launch(spec) }
        #expect(notExecutable?.code == .notExecutable && notExecutable?.isRetryable == false)
        #expect(bench.files == ["program"])
        #expect(try await launcher.adopt(expecting: [:]) == [])
        // Once it can be, it is.
        #expect(unlink(program) == 0 && symlink("/bin/sh", program) == 0)
        try await launcher.launch(spec)
        #expect(await bench.reasons("child-1", count: 1) == ["exit code 9"])
        #expect(bench.exits.count == 1)
    }

    @Test("a folder that is not there is an error that lasts")
    func noFolder() async throws {
        let launcher = ProcessLauncher(directory: bench.path("none"), fleet: "fleet", executable: "/bin/sh")
        let error = await #expect(throws: LaunchError.self) {
            try await launcher.launch(LauncherBench.script("child-1", "exit 0"))
        }
        #expect(error?.code == .output && error?.isRetryable == false)
        #expect(try await launcher.adopt(expecting: [:]) == [])
    }
}
