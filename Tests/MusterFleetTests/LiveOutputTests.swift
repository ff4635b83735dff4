import FoundationEssentials
import Glibc
import MusterAPI
import MusterCore
import MusterTestKit
import Testing

/// What commands print while they run, from workers through the coordinator to who reads it. Nothing here goes by time: commands wait
/// for a file that the test makes once it has seen their lines.
@Suite(.timeLimit(.minutes(5))) struct LiveOutputTests {
    private func run(_ fleet: Fleet, _ words: String...) throws -> FleetProcess { try fleet.start(["run"] + words) }

    /// A script that prints `first`, and `last` once the file is there.
    private func waiting(_ fleet: Fleet, _ first: String, for file: String = "go", _ last: String = "") -> String {
        ": {}; \(first); while [ ! -e '\(fleet.folder.path)/\(file)' ]; do sleep 0.05; done; \(last.isEmpty ? ":" : last)"
    }

    @Test func linesComeBeforeTheCommandEnds() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startCommandWorker("w", slots: 2)
            let script = waiting(fleet, "printf 'one {}\\ntw'; echo e{} >&2", "printf 'o {}\\nlast'")
            let run = try run(fleet, "--line-buffer", "--tag", script, ":::", "a", "b")
            try await eventually("both have said something") {
                Set(run.transcript.output) == ["a\tone a", "b\tone b"]
                    && Set(run.transcript.errors) == ["a\tea", "b\teb"]
            }
            // Who comes later has it, too.
            let follower = try fleet.start(["logs", "-f", "1", "2"])
            try await eventually("the follower has it") { follower.transcript.output == ["one b"] }
            #expect(try await fleet.metric("output_readers") == 2)
            try fleet.folder.write([], to: "go")
            let end = try await fleet.outcome(of: run)
            #expect(end.exitCode == 0, "\(end.errors)")
            #expect(
                end.output.sorted() == ["a\tlast", "a\tone a", "a\ttwo a", "b\tlast", "b\tone b", "b\ttwo b"],
                "\(end.output)")
            #expect(end.errors.sorted() == ["a\tea", "b\teb"])
            let followed = try await fleet.outcome(of: follower)
            #expect(followed.exitCode == 0 && followed.output == ["one b", "two b", "last"], "\(followed.errors)")
            try await eventually("nobody reads any more") { try await fleet.metric("output_readers") == 0 }
            #expect(try await fleet.metric("output_kept_bytes") == 0)
        }
    }

    @Test func whatNobodyFollowsIsNotSent() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startCommandWorker("w")
            let run = try run(fleet, "-u", waiting(fleet, "echo one"), ":::", "a")
            try await eventually("it runs") { try await fleet.metric("tasks_leased") == 1 }
            try fleet.folder.write([], to: "go")
            #expect(try await fleet.outcome(of: run).output == ["one"])
            #expect(try await fleet.metric("output_received_bytes_total") == 0)
        }
    }

    /// What the worker that died printed stands there, and it is said that it is of a run without a result.
    @Test func aWorkerIsKilledInTheMiddle() async throws {
        try await Fleet.run(flags: ["--grace-seconds", "0.2"]) { fleet in
            let doomed = try fleet.startCommandWorker("doomed")
            let run = try run(
                fleet, "--line-buffer", waiting(fleet, "echo try $MUSTER_ATTEMPT; printf half", "echo; echo end"),
                ":::", "a")
            try await eventually("the first says something") { run.transcript.output == ["try 1"] }
            await doomed.kill()
            _ = try fleet.startCommandWorker("heir")
            try await eventually("the second says something") { run.transcript.output.last == "try 2" }
            try fleet.folder.write([], to: "go")
            let end = try await fleet.outcome(of: run)
            #expect(end.exitCode == 0)
            #expect(end.output == ["try 1", "half", "try 2", "half", "end"], "\(end.output)")
            #expect(
                end.errors.contains {
                    $0.contains("\"a\" runs again: its lines so far are of a run that has no result")
                },
                "\(end.errors)")
        }
    }

    @Test func theCoordinatorIsKilledAndComesBack() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startCommandWorker("w")
            let script = waiting(fleet, "echo one", for: "a", waiting(fleet, "echo two", for: "b", "echo three"))
            let run = try run(fleet, "--line-buffer", script, ":::", "x")
            try await eventually("the first line is there") { run.transcript.output == ["one"] }
            await fleet.coordinator.kill()
            try await fleet.startCoordinator()
            try fleet.folder.write([], to: "a")
            try await eventually("the second line is there") { run.transcript.output == ["one", "two"] }
            try fleet.folder.write([], to: "b")
            let end = try await fleet.outcome(of: run)
            #expect(end.exitCode == 0 && end.output == ["one", "two", "three"], "\(end.output) \(end.errors)")
        }
    }

    /// Two commands print 20 MB each, while one reader stands still: the others have theirs, and nobody holds it all.
    @Test func muchOutputAndAReaderThatStandsStill() async throws {
        try await Fleet.run { fleet in
            let worker = try fleet.startCommandWorker("w", slots: 2)
            let left = try await fleet.script(
                "muster run -d --output-max 1000 \"while [ ! -e begin ]; do sleep 0.05; done; head -c 20000000 /dev/zero | tr '\\\\0' x | fold -w 99; echo end {}\" ::: \(fleet.folder.path)/1 \(fleet.folder.path)/2 | cat; true"
                    .replacing("! -e begin", with: "! -e \(fleet.folder.path)/begin"))
            #expect(left.code == 0 && left.text == "1\n", "\(left.errors)")
            // Its pipe is full after 64 KiB, and then it reads no more.
            let stuck = Task {
                try await fleet.script(
                    "muster logs -f 1 | { head -n 1 >/dev/null; while [ ! -e done ]; do sleep 0.05; done; }")
            }
            try await eventually("it follows") { try await fleet.metric("output_readers") == 1 }
            let reader = Task {
                try await fleet.script("muster logs -f 1 | grep -c -e xx -e end; exit ${PIPESTATUS[0]}")
            }
            try await eventually("both follow") { try await fleet.metric("output_readers") == 2 }
            try fleet.folder.write([], to: "begin")
            let read = try await reader.value
            #expect(read.code == 0 && (read.lines.first.flatMap { Int($0) } ?? 0) > 0, "\(read.text) \(read.errors)")
            #expect(try await fleet.metric("output_kept_bytes") <= 2 * (64 << 10))
            for process in [worker, fleet.coordinator] {
                let peak = try #require(peakKiB(of: process.pid))
                #expect(peak < 200 << 10, "\(peak) KiB")
            }
            try fleet.folder.write([], to: "done")
            _ = try await stuck.value
        }
    }

    private func peakKiB(of pid: pid_t) -> Int? {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/status") else { return nil }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM") }
            .flatMap { Int($0.filter(\.isNumber)) }
    }

    @Test func bytesThatAreNoTextPassThrough() async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startCommandWorker("w")
            let script = waiting(fleet, "printf 'a\\000\\377b\\n'", "printf 'c\\377'")
            let run = Task { try await fleet.script("muster run --line-buffer \"\(script)\" ::: 1 >raw") }
            let wanted: [UInt8] = [0x61, 0, 0xFF, 0x62, 0x0A]
            try await eventually("the first line is there") { (try? fleet.folder.read("raw")) == wanted }
            try fleet.folder.write([], to: "go")
            let end = try await run.value
            #expect(end.code == 0, "\(end.errors)")
            #expect(try fleet.folder.read("raw") == wanted + [0x63, 0xFF, 0x0A])
        }
    }
}
