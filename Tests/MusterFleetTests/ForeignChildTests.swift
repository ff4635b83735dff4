import FoundationEssentials
import Glibc
import MusterAPI
import MusterCore
import MusterTestKit
import Testing

/// `--child-command`: programs that know nothing of Muster, and some that mean no good.
@Suite(.timeLimit(.minutes(5))) struct ForeignChildTests {
    private func run(
        _ command: String, _ flags: [String] = [], _ check: (Fleet, NumbersProgress) async throws -> Void
    ) async throws {
        try await Fleet.run(flags: ["--range", "1000", "--child-command", command] + flags) { fleet in
            _ = try await fleet.createChildren()
            try await check(fleet, fleet.childrensEnd())
        }
    }

    @Test func linesThatAreNoNumberAreRejected() async throws {
        let lines = #"7\n8\n8\n0\n-3\n1.5\n1001\n99999999999999999999\nseven\n\n 9 \n10"#
        try await run("printf '\(lines)'") { fleet, progress in
            #expect((progress.received, progress.unique, progress.rejected) == (5, 4, 6))
            let child = try #require(try await fleet.children().first)
            #expect((child.state, child.received, child.rejected) == (.done, 5, 6))
        }
    }

    @Test func aSilentOneIsEndedInTime() async throws {
        try await run("echo 5; sleep 3600", ["--child-seconds", "1"]) { fleet, progress in
            // What it printed in its time counts.
            #expect((progress.received, progress.childrenDone) == (1, 1))
            #expect(fleet.launchedProcesses().isEmpty)
        }
    }

    @Test(arguments: [
        // Endless numbers; endless junk; one endless line.
        ("while :; do echo 5; done", true), ("yes junk", false), ("tr '\\\\0' 7 </dev/zero", false),
    ])
    func anEndlessOneIsBounded(_ command: String, _ counts: Bool) async throws {
        try await run(command, ["--child-seconds", "2"]) { fleet, progress in
            #expect(progress.received <= 1_000_000)
            #expect((progress.received > 0) == counts)
            #expect(progress.childrenDone == 1)
        }
    }

    @Test func aLineOfAGibibyteIsOneRejectedLine() async throws {
        try await run("echo 1; head -c 1073741824 /dev/zero | tr '\\\\0' 7; echo; echo 2") { fleet, progress in
            // It is over its bound of bytes by then: what comes behind is not looked at.
            #expect(progress.received <= 2 && progress.received >= 1)
            #expect(progress.rejected == 1)
        }
    }

    @Test(arguments: [("exit 3", "exit code 3"), ("/no/such/program", "127"), ("kill -9 $$", "signal 9")])
    func aFailingOneIsTriedAgainAndGivenUp(_ command: String, _ reason: String) async throws {
        try await run("echo 1; \(command)") { fleet, progress in
            #expect((progress.received, progress.childrenFailed, progress.childrenDied) == (0, 1, 8))
            let child = try #require(try await fleet.children().first)
            #expect(child.state == .failed && child.attempts == 8)
            #expect(child.reason.contains(reason), "\(child.reason)")
            guard reason == "127" else { return }
            let waited = try await fleet.muster("create-child", "--wait")
            #expect(waited.exitCode == 1)
        }
    }

    /// What a command leaves in the background ends with its child, also in a session of its own.
    @Test func nothingStaysInTheBackground() async throws {
        let command = "sleep 3601 & setsid sleep 3602 & setsid sh -c 'sleep 3603 & sleep 3604' & sleep 0.2; echo 5"
        try await run(command) { _, progress in
            #expect((progress.received, progress.childrenDone) == (1, 1))
            for seconds in 3601...3604 {
                try await eventually("sleep \(seconds) is gone") { !Self.isRunning("sleep\0\(seconds)\0") }
            }
        }
    }

    private static func isRunning(_ words: String) -> Bool {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.contains { entry in
            guard Int(entry) != nil, let line = try? Data(contentsOf: URL(filePath: "/proc/\(entry)/cmdline")) else {
                return false
            }
            return String(decoding: line, as: UTF8.self) == words
        }
    }

    /// An endless line is ended when it has been too much, not when the time is up.
    @Test func anEndlessLineIsBoundedInBytes() async throws {
        try await run("yes 7 | tr -d '\\n'", ["--child-seconds", "3600"]) { fleet, progress in
            #expect((progress.received, progress.rejected, progress.childrenDone) == (0, 1, 1))
        }
    }

    /// A child does not wait for its command when nobody is left to take the numbers.
    @Test func aSilentCommandDoesNotOutliveItsCoordinator() async throws {
        let flags = ["--orphan-seconds", "1", "--child-command", "sleep 3605 & sleep 3606"]
        try await Fleet.run(flags: flags) { fleet in
            _ = try await fleet.createChildren()
            try await eventually("it runs") { Self.isRunning("sleep\03606\0") }
            await fleet.coordinator.kill()
            try await eventually("all of it is gone") {
                !Self.isRunning("sleep\03605\0") && !Self.isRunning("sleep\03606\0")
            }
        }
    }

    /// Killed before, while and after it reports: its numbers count once.
    @Test(arguments: ["sleep 0.3; seq 1 20", "seq 1 20; sleep 0.3"])
    func killedChildrenAreDoneAgain(_ command: String) async throws {
        try await Fleet.run(flags: ["--child-command", command, "--children-max", "4"]) { fleet in
            _ = try await fleet.createChildren(12)
            for _ in 0..<8 {
                try await Task.sleep(for: .milliseconds(70))
                if let child = fleet.launchedProcesses("child-").randomElement() { kill(child, SIGKILL) }
            }
            let progress = try await fleet.childrensEnd()
            #expect((progress.received, progress.unique, progress.childrenDone) == (240, 20, 12))
            #expect(progress.childrenDied > 0)
        }
    }
}
