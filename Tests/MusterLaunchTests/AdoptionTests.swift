import Glibc
import Testing

@testable import MusterLaunch

@Suite("adopted processes", .timeLimit(.minutes(5)))
struct AdoptionTests {
    private let bench = LauncherBench()
    /// Without exec: while a program is replaced by another, the system shows no label.
    private static let sleeper = "echo ready; while :; do sleep 0.01; done"

    /// Launches under a name with a launcher that is gone afterwards, as an earlier coordinator's; returns when it is ready.
    private func leave(_ name: String, _ script: String) async throws {
        let earlier = bench.launcher(listens: false)
        try await earlier.launch(LauncherBench.script(name, script))
        try await ready("\(name).log")
    }

    private func ready(_ log: String) async throws {
        let bench = bench
        try #require(await bench.holds { bench.text(log) == "ready\n" })
    }

    @Test("what an earlier coordinator left is found, is not started again, and its end is told")
    func adopts() async throws {
        let path = bench.path("go")
        try await leave("child-2", "echo ready; until [ -e \(path) ]; do sleep 0.01; done; echo words; exit 3")
        try await leave("worker-1", Self.sleeper)
        let launcher = bench.launcher()
        #expect(try await launcher.adopt(expecting: [:]) == ["child-2", "worker-1"])
        #expect(try await launcher.adopt(expecting: [:]) == ["child-2", "worker-1"])
        try await launcher.launch(LauncherBench.script("child-2", "exit 0"))
        #expect(bench.exits == [])
        bench.write("", to: "go")
        // How it ended only its parent is told by the system.
        #expect(await bench.reasons("child-2", count: 1) == ["words"])
        try #require(try await launcher.adopt(expecting: [:]) == ["worker-1"])
        #expect(bench.files == ["go", "worker-1.log", "worker-1.pid"])
        launcher.stop("worker-1", grace: .seconds(600))
        #expect(await bench.reasons("worker-1", count: 1) == ["ready"])
        #expect(bench.exits.count == 2 && bench.files == ["go"])
        // The names are free.
        try await launcher.launch(LauncherBench.script("child-2", "exit 6"))
        #expect(await bench.reasons("child-2", count: 2) == ["words", "exit code 6"])
    }

    @Test("one that does not listen is killed")
    func kills() async throws {
        try await leave("worker-1", "trap '' TERM; " + Self.sleeper)
        let launcher = bench.launcher()
        try #require(try await launcher.adopt(expecting: [:]) == ["worker-1"])
        launcher.stop("worker-1", grace: .milliseconds(50))
        #expect(await bench.reasons("worker-1", count: 1) == ["ready"])
        #expect(bench.files == [])
    }

    @Test("an earlier coordinator that is still there is told the end as well")
    func bothAreTold() async throws {
        let (first, second) = (bench.launcher(), LauncherBench())
        try await first.launch(LauncherBench.script("worker-1", Self.sleeper))
        try await ready("worker-1.log")
        let other = ProcessLauncher(directory: bench.folder, fleet: "fleet", executable: "/bin/sh")
        second.listen(to: other)
        try #require(try await other.adopt(expecting: [:]) == ["worker-1"])
        other.stop("worker-1", grace: .seconds(600))
        #expect(await bench.reasons("worker-1", count: 1).count == 1)
        #expect(await second.reasons("worker-1", count: 1).count == 1)
    }

    @Test("one that ended while nobody was there is not found, and its files are removed")
    func goneMeanwhile() async throws {
        try await leave("child-1", Self.sleeper)
        let record = try #require(LaunchRecord(path: bench.path("child-1.pid")))
        kill(record.pid, SIGKILL)
        #expect(await bench.holds { LaunchRecord(pid: record.pid) == nil })
        let launcher = bench.launcher()
        #expect(try await launcher.adopt(expecting: [:]) == [])
        #expect(bench.files == [] && bench.exits == [])
    }

    static let garbage = [
        "", " ", "\n", "abc", "12", "1 1", "0 0", "-1 5", "-5 -5", "99999999 1", "2147483648 7",
        "5 99999999999999999999999",
        "5 5 5", "5,5", "\0 \0", String(repeating: "7", count: 100_000),
    ]

    @Test("a record that says nothing sensible is removed", arguments: garbage)
    func senseless(text: String) async throws {
        bench.write(text, to: "child-1.pid")
        bench.write("old words", to: "child-1.log")
        bench.write("mine", to: "notes.txt")
        let launcher = bench.launcher()
        #expect(try await launcher.adopt(expecting: [:]) == [])
        #expect(bench.files == ["notes.txt"])
    }

    struct Foreign: Sendable {
        /// What the stranger carries; nil: nothing.
        var label: String?
        var beganLater: UInt64 = 0
    }

    /// The record's name is `worker-1`, the fleet's `fleet`.
    @Test(
        "a stranger under a recorded number is left alone",
        arguments: [
            Foreign(label: "fleet/worker-1", beganLater: 1), Foreign(label: "fleet/worker-1", beganLater: 1 << 40),
            Foreign(label: "other/worker-1"), Foreign(label: "fleet/worker-2"), Foreign(label: "fleet/worker-11"),
            Foreign(label: "fleet/worker-"), Foreign(label: ""), Foreign(label: nil),
        ])
    func strangers(_ foreign: Foreign) async throws {
        let launcher = bench.launcher()
        let own = launcher.label("worker-1")
        var environment = ["PATH": "/usr/bin:/bin", "OTHER": "MUSTER_LAUNCHED=\(own)"]
        // As this very launcher would write it, up to the fleet and the name.
        environment[LaunchRecord.labelName] = foreign.label?
            .replacing("fleet/", with: own.dropLast("worker-1".count))
        let stranger = try ChildProcess(
            executable: "/bin/sh",
            arguments: ["-c", "trap 'exit 7' USR1; " + Self.sleeper], environment: environment,
            output: .file(path: bench.path("stranger")))
        defer { stranger.kill() }
        try await ready("stranger")
        let record = try #require(LaunchRecord(pid: stranger.pid))
        bench.write("\(record.pid) \(record.began + foreign.beganLater)", to: "worker-1.pid")

        #expect(try await launcher.adopt(expecting: [:]) == [])
        #expect(bench.files == ["stranger"])
        launcher.stop("worker-1", grace: .zero)
        // It would be dead, had anything else come before this.
        try #require(stranger.signal(SIGUSR1))
        #expect(await stranger.wait() == .exited(7))
        #expect(bench.exits == [])
    }

    @Test("the same record with the right label and start is no stranger")
    func genuine() async throws {
        let process = try ChildProcess(
            executable: "/bin/sh", arguments: ["-c", Self.sleeper],
            environment: ["PATH": "/usr/bin:/bin", LaunchRecord.labelName: bench.launcher().label("worker-1")],
            output: .file(path: bench.path("worker-1.log")))
        defer { process.kill() }
        try await ready("worker-1.log")
        #expect(LaunchRecord(pid: process.pid)?.write(to: bench.path("worker-1.pid")) == true)
        let launcher = bench.launcher()
        try #require(try await launcher.adopt(expecting: [:]) == ["worker-1"])
        launcher.stop("worker-1", grace: .seconds(600))
        #expect(await process.wait() == .signalled(15))
        #expect(await bench.reasons("worker-1", count: 1) == ["ready"])
    }
}
