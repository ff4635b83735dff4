import FoundationEssentials
import Glibc
import MusterAPI
import MusterCore
import MusterJSON
import MusterTestKit
import MusterWire
import Testing

/// What a user sees of work that waits, and of commands that wait for it.
@Suite(.timeLimit(.minutes(3))) struct WaitingTests {
    private func job(_ line: String?) throws -> JobStatus {
        try JobStatus(JSONValue(parsing: Array((line ?? "").utf8)))
    }

    /// Whether it died of this signal.
    private func dies(_ process: FleetProcess, of number: Int32) async -> Bool {
        do {
            _ = try await process.exitCode()
            return false
        } catch { return "\(error)".contains("signal \(number)") }
    }

    @Test(arguments: [["submit", "noop", "--wait"], ["assign"]])
    func aWaitSaysWhyNothingMovesAndHowToComeBack(_ command: [String]) async throws {
        try await Fleet.run { fleet in
            let waiting = try fleet.start(command)
            try await eventually("it says why") {
                waiting.transcript.errors.contains { $0.contains("waiting: there is no worker") }
            }
            kill(waiting.pid, SIGINT)
            #expect(await dies(waiting, of: SIGINT))
            #expect(
                waiting.transcript.errors.last
                    == "job 1 goes on; 'muster job 1 --wait' comes back to it, 'muster cancel 1' ends it")
            let back = try fleet.start(["job", "1", "--wait", "--json"])
            try await eventually("it waits again") {
                back.transcript.errors.contains { $0.contains("waiting: there is no worker") }
            }
            _ = try fleet.startWorker("late")
            let end = try await fleet.outcome(of: back)
            #expect(end.exitCode == 0 && end.output.count == 1, "\(end.errors)")
            #expect(try job(end.output.first).state == .done)
            // Of one that is over at once.
            #expect(try await fleet.muster("job", "1", "--wait").output.contains("state     done"))
        }
    }

    @Test func aWaitInJSONPrintsTheJobAtItsEnd() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("worker")
            let done = try await fleet.muster("submit", "noop", "--count", "3", "--name", "nightly", "--wait", "--json")
            #expect(done.exitCode == 0 && done.output.count == 1, "\(done.errors)")
            let end = try job(done.output.first)
            #expect(end.state == .done && end.done == 3 && end.name == "nightly")
            let failed = try await fleet.muster("submit", "fail", "--wait", "--json")
            #expect(failed.exitCode == 1 && failed.output.count == 1)
            #expect(try job(failed.output.first).state == .failed)
            #expect(try await fleet.muster("jobs", "--state", "failed").output.count == 2)
            #expect(try await fleet.muster("jobs").output.first?.contains("AGE") == true)
            let cancel = try await fleet.muster("cancel", "1")
            #expect(cancel.exitCode == 65 && cancel.output.isEmpty, "one line says it")
            #expect(cancel.errors == ["muster cancel: job 1 had ended before: it is done"])
        }
    }

    @Test func aTaskThatTakesTooLongFails() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("worker")
            let failed = try await fleet.muster("submit", "sleep", "--param", "ms=600000", "--timeout", "0.1", "--wait")
            #expect(failed.exitCode == 1, "\(failed.errors)")
            #expect(try await fleet.muster("results", "1").output.first?.contains("longer than 0.1 s") == true)
            #expect(
                try await fleet.muster("submit", "sleep", "--param", "ms=1", "--timeout", "60", "--wait").exitCode == 0)
        }
    }

    /// The first request reaches a coordinator that dies before it answers.
    @Test func aSubmissionIsRepeatedByItself() async throws {
        try await Fleet.run { fleet in
            let port = try #require(UInt16(fleet.url.split(separator: ":").last ?? ""))
            fleet.coordinator.freeze()
            let before = Self.connections(to: port)
            let submit = try fleet.start(["submit", "noop", "--count", "2"])
            try await eventually("it is connected") { Self.connections(to: port) > before }
            await fleet.coordinator.kill()
            try await fleet.startCoordinator()
            let outcome = try await fleet.outcome(of: submit)
            #expect(outcome.exitCode == 0 && outcome.output == ["1"], "\(outcome.errors)")
            #expect(try await fleet.muster("jobs").output.count == 2)
        }
    }

    /// Established TCP connections of this machine to a port of 127.0.0.1. proc(5).
    static func connections(to port: UInt16) -> Int {
        guard let file = fopen("/proc/net/tcp", "re") else { return 0 }
        defer { fclose(file) }
        // Its size is not told beforehand.
        var bytes = [UInt8](repeating: 0, count: 4 << 20)
        let table = String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
        let digits = String(port, radix: 16, uppercase: true)
        let place = "0100007F:" + String(repeating: "0", count: 4 - digits.count) + digits
        return table.split(separator: "\n").count { line in
            let words = line.split(separator: " ")
            return words.count > 3 && words[2] == place && words[3] == "01"
        }
    }

    @Test(arguments: [["coordinator"], ["up", "--workers", "0"], ["origin"], ["edge", "--id", "1"]])
    func aTakenPortLeavesNothing(_ role: [String]) async throws {
        try await Fleet.run { fleet in
            let port = String(fleet.url.split(separator: ":").last ?? "")
            let taken = try await fleet.muster(arguments: role + ["--port", port, "--data", "fresh"])
            #expect(taken.exitCode == 69, "\(taken.errors)")
            #expect(taken.errors.contains { $0.contains(port) && $0.contains("--port") }, "\(taken.errors)")
            #expect(!FileManager.default.fileExists(atPath: fleet.folder.path + "/fresh"))
        }
    }

    @Test func childrenAreCalledOff() async throws {
        try await Fleet.run(flags: ["--children-max", "1", "--child-command", "echo 5; sleep 600"]) { fleet in
            _ = try await fleet.createChildren(5)
            try await eventually("one runs") { try await fleet.children().contains { $0.state == .running } }
            let some = try await fleet.muster("children", "cancel", "child-1", "4-5")
            #expect(
                some.output == ["child-1 is cancelled", "child-4 is cancelled", "child-5 is cancelled"],
                "\(some.errors)")
            try await eventually("the next one runs") {
                try await fleet.children().contains { $0.id == ChildID(2) && $0.state == .running }
            }
            #expect(
                try await fleet.muster("children", "cancel", "all").output == [
                    "child-3 is cancelled", "child-2 is cancelled",
                ])
            try await eventually("nothing runs") { fleet.launchedProcesses("child-").isEmpty }
            try await eventually("their ends are known") { try await fleet.progress().childrenLeft == 0 }
            #expect(try await fleet.progress().childrenCancelled == 5)
            #expect(try await fleet.muster("children", "cancel", "99").exitCode == 66)
            #expect(try await fleet.muster("children", "cancel", "7-").exitCode == 64)
            // Somebody else's program brings what it brings.
            #expect(try await fleet.children().allSatisfy { $0.numbers == nil })
        }
    }

    /// Beside numbers that outlive a restart stand sums that do, too.
    @Test func sumsOfChildrenOutliveTheCoordinator() async throws {
        try await Fleet.run { fleet in
            _ = try await fleet.createChildren(2, numbers: 10)
            let before = try await fleet.childrensEnd()
            #expect(before.childrenDone == 2)
            try await fleet.crashCoordinator()
            let after = try await fleet.progress()
            #expect((after.childrenDone, after.childrenDied, after.received) == (2, before.childrenDied, 20))
        }
    }
}
