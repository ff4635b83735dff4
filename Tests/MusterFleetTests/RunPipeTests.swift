import MusterAPI
import MusterCore
import MusterTestKit
import Testing

/// `muster run --pipe`: standard input in blocks, one for each command.
@Suite(.timeLimit(.minutes(5))) struct RunPipeTests {
    private func withWorker(_ body: (Fleet) async throws -> Void) async throws {
        try await Fleet.run { fleet in
            let worker = try fleet.startCommandWorker("w", slots: 3)
            try await body(fleet)
            worker.terminate()
            try await worker.exitCode()
        }
    }

    /// Bytes of every kind, without and with line ends, whole and in order; and lines that no block may hold.
    @Test func whatComesIsWhatTheCommandsHave() async throws {
        try await withWorker { fleet in
            let text = try await fleet.script(
                "seq 300000 >in; muster run --pipe --block 100K cat <in | cmp - in && echo same")
            #expect(text.text == "same\n", "\(text.errors)")
            #expect(try await fleet.job(JobID(1)).count > 10)
            let binary = try await fleet.script(
                "head -c 2000000 /dev/urandom >in; muster run --pipe --block 200K 'cat; : {#}' <in | cmp - in && echo same"
            )
            #expect(binary.text == "same\n", "\(binary.errors)")
            let nul = try await fleet.script(
                "printf 'a\\nb\\0c\\0\\377\\0' | muster run --pipe -0 --block 4 'tr \"\\0\\n\" \"+-\"; echo'")
            #expect(nul.output == Array("a-b+\nc+".utf8) + [0xFF] + Array("+\n".utf8), "\(nul.text) \(nul.errors)")
            let lines = try await fleet.script(
                "seq 100000 | muster run --pipe --block 64K wc -l | awk '{s += $1} END {print s}'")
            #expect(lines.text == "100000\n", "\(lines.errors)")
            let long = try await fleet.script(
                "(echo; head -c 700000 /dev/zero | tr '\\0' x; echo) | muster run --pipe --block 1K wc -c")
            #expect(long.text == "1\n700001\n", "\(long.errors)")
            let longer = try await fleet.script("head -c 800000 /dev/zero | tr '\\0' x | muster run --pipe wc -c")
            #expect(longer.code == 65 && longer.errors.contains("longer than 786420 bytes"), "\(longer.errors)")
            let none = try await fleet.script("muster run --pipe wc -c </dev/null")
            #expect(none.code == 0 && none.output.isEmpty, "\(none.errors)")
        }
    }

    @Test func failuresGoByNumberAndWordsThatMeanNothingAreRefused() async throws {
        try await withWorker { fleet in
            let failed = try await fleet.script("seq 9 | muster run --pipe --block 6 --tag 'grep -c 5 || exit 4'")
            #expect(failed.code == 1 && failed.errors.contains("failed: task 1: exit code 4"), "\(failed.errors)")
            #expect(failed.lines.contains("2\t1"), "\(failed.text)")
            for words in [
                "--pipe cat ::: a", "--pipe --array 1-3 cat", "--pipe --colsep , cat", "--pipe cat {}", "--block 5 cat",
                "--pipe --block 1M cat",
            ] {
                let refused = try await fleet.script("echo | muster run \(words)")
                #expect(refused.code == 64, "\(words): \(refused.code) \(refused.errors)")
            }
        }
    }

    /// By what the blocks hold: others may stand before them by now.
    @Test func aJobLogKnowsBlocksByTheirBytes() async throws {
        try await withWorker { fleet in
            let run = "muster run --pipe --block 4 --joblog log"
            let first = try await fleet.script("printf 'a\\nb\\nX\\nX\\nc\\nd\\n' | \(run) 'tee x; ! grep -q X x'")
            #expect(first.code == 1 && first.lines.count == 6, "\(first.errors)")
            let log = String(decoding: try fleet.folder.read("log"), as: UTF8.self).split(separator: "\n")
            #expect(log.count == 4 && log[1].contains("tee x; ! grep -q X x # sha256:"))
            let more = try await fleet.script(
                "printf 'n\\nw\\na\\nb\\nX\\nX\\n' | \(run) --resume 'tee x; ! grep -q X x'")
            #expect(more.text == "n\nw\n", "\(more.errors)")
            let again = try await fleet.script(
                "printf 'a\\nb\\nX\\nX\\n' | \(run) --resume-failed 'tee x; ! grep -q X x'")
            #expect(again.text == "X\nX\n", "\(again.errors)")
        }
    }
}
