import FoundationEssentials
import Glibc
import MusterCore
import MusterTestKit
import Testing

/// How commands end, as the job log has it, and what outlives them: nothing.
@Suite(.timeLimit(.minutes(5))) struct RunEndTests {
    private func withWorker(_ body: (Fleet) async throws -> Void) async throws {
        try await Fleet.run { fleet in
            _ = try fleet.startCommandWorker("w", slots: 3)
            try await body(fleet)
        }
    }

    /// Exit code and signal of each command of a job log, in the order of the values.
    private func ends(_ log: String, in fleet: Fleet) async throws -> [Substring] {
        try await fleet.script("tail -n +2 \(log) | sort -n | cut -f 7,8").lines
    }

    /// 137 is not the same as an end by KILL, 126 and 127 are what commands say themselves, too.
    @Test func everyEndIsToldApart() async throws {
        try await withWorker { fleet in
            let codes = try await fleet.script("muster run --joblog codes 'exit {}' ::: $(seq 0 255)")
            #expect(codes.code == 1 && codes.errors.contains("255 of 256 tasks failed"), "\(codes.errors)")
            #expect(try await ends("codes", in: fleet) == (0...255).map { "\($0)\t0" })
            let numbers = [1, 2, 3, 6, 8, 9, 10, 11, 12, 13, 14, 15, 31, 34, 64]
            let list = numbers.map { "\($0)" }.joined(separator: " ")
            let signals = try await fleet.script(
                "muster run --joblog signals 'ulimit -c 0; kill -{} $$; sleep 9' ::: \(list)")
            #expect(signals.code == 1 && signals.errors.contains("\"8\": ended by signal FPE (8)"), "\(signals.errors)")
            #expect(try await ends("signals", in: fleet) == numbers.map { "\(128 + $0)\t\($0)" })
            let late = try await fleet.script("muster run --joblog late --timeout 0.5 'sleep {}' ::: 9")
            #expect(late.code == 1)
            #expect(try await ends("late", in: fleet) == ["-1\t15"])
        }
    }

    /// The longest argument that the system takes arrives; one that is longer is refused.
    @Test func anArgumentOf128KiB() async throws {
        try await withWorker { fleet in
            _ = try await fleet.script("head -c 131071 /dev/zero | tr '\\0' a >long; (cat long; echo b) >longer")
            let fits = try await fleet.script("muster run printf %s {} :::: long")
            #expect(fits.code == 0 && fits.output.count == 131_071 && Set(fits.output) == [0x61], "\(fits.errors)")
            let long = try await fleet.script("muster run printf %s {} :::: longer")
            #expect(
                long.code != 0 && long.output.isEmpty && long.errors.contains("an argument has 131072 bytes"),
                "\(long.errors.suffix(500))")
        }
    }

    /// What writes on behind the command's end, into its output and its file; what left it as a daemon; what closed its outputs.
    @Test func nothingOutlivesACommand() async throws {
        try await FilePlace.run { place in
            let mark = "1000.\(place.fleet.port)"
            let run = try await place.script(
                """
                muster run --return late.{} 'echo now >late.{}
                (sleep 3; echo more; echo more >>late.{}) &
                (setsid sh -c "sleep 3; while :; do echo more; echo more >>late.{}; done" &)
                (setsid sleep \(mark) &); (exec >&- 2>&-; setsid sleep \(mark)) &
                echo now {}; exec >&- 2>&-; sleep 0.5' ::: 1 2
                """)
            #expect(run.code == 0 && run.text == "now 1\nnow 2\n", "\(run.text.prefix(200)) \(run.errors)")
            #expect(Self.processes(["sleep", mark]) == 0)
            #expect(try place.text("late.1") == "now\n" && place.text("late.2") == "now\n")
            let bomb = try await place.script(
                "muster run --pids 30 'while :; do sleep \(mark) & done; : {}' ::: 1; muster run 'echo {}' ::: after")
            #expect(bomb.code == 0 && bomb.text == "after\n" && bomb.errors.contains("more than 30 processes"))
            #expect(Self.processes(["sleep", mark]) == 0)
        }
    }

    /// How many run with just these arguments.
    private static func processes(_ words: [String]) -> Int {
        let wanted: [UInt8] = words.flatMap { Array($0.utf8) + [UInt8(0)] }
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.filter { name in
            guard Int(name) != nil, let file = fopen("/proc/\(name)/cmdline", "re") else { return false }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 4_096)
            return Array(bytes[..<fread(&bytes, 1, bytes.count, file)]) == wanted
        }.count
    }
}
