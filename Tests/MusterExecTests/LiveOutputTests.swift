import MusterCore
import MusterExec
import MusterKernels
import MusterSystem
import Synchronization
import Testing

/// What commands print, seen before their end: each command waits for a file that is made once that was seen.
@Suite(.timeLimit(.minutes(1))) struct LiveOutputTests {
    private let live = LiveOutput()
    /// A command blocks its thread: were that one of Swift's own few, two tests would keep each other from going on.
    private let threads = ThreadPool(idleMax: 1)

    private func start(_ script: String, outputMax: Int = 256 << 10) throws -> (Bench, Task<ExecOutcome, any Error>) {
        let bench = Bench(live: live)
        var command = TaskCommand(arguments: ["/bin/sh", "-c", script, bench.folder].map { Array($0.utf8) })
        command.run = TaskRunName(job: 7, task: 3, attempt: 2)
        command.outputMax = outputMax
        return (
            bench,
            Task { [command, threads, runner = bench.runner] in
                try await threads.perform(orThrow: { NoThread(reason: $0) }) { try runner.run(command, Cancellation()) }
            }
        )
    }

    private struct NoThread: Error { let reason: String }

    private func collected(until isEnough: (String) -> Bool) async throws -> String {
        var text = ""
        for _ in 0..<3_000 where !isEnough(text) {
            for piece in live.collect(atMost: 1 << 20, piecesMax: 100) {
                #expect(piece.run.job == 7 && piece.run.task == 3 && piece.run.attempt == 2 && piece.run.startMs > 0)
                text += "\(piece.isError ? "E" : "O")\(piece.place):" + String(decoding: piece.bytes, as: UTF8.self)
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        return text
    }

    @Test func piecesComeWhileTheCommandRuns() async throws {
        live.follow([7])
        let (bench, running) = try start("echo a; echo b >&2; while [ ! -e $0-go ]; do sleep 0.02; done; echo c")
        let first = try await collected { $0.count >= 10 }
        #expect(first.contains("O0:a\n") && first.contains("E0:b\n"), "\(first)")
        makeFile(bench.folder + "-go")
        let outcome = try await running.value
        removeFile(bench.folder + "-go")
        #expect(outcome.output.text == "a\nc\n" && outcome.error.text == "b\n")
        // The rest is in the result.
        #expect(!live.hasNews)
    }

    @Test func whoComesLaterGetsWhatWasPrintedBefore() async throws {
        let (bench, running) = try start("echo a; : >$0-printed; while [ ! -e $0-go ]; do sleep 0.02; done")
        for _ in 0..<3_000 where !isThere(bench.folder + "-printed") { try await Task.sleep(for: .milliseconds(10)) }
        #expect(!live.hasNews)
        live.follow([6, 7])
        #expect(try await collected { $0.count >= 5 } == "O0:a\n")
        live.follow([6])
        makeFile(bench.folder + "-go")
        _ = try await running.value
        for end in ["-go", "-printed"] { removeFile(bench.folder + end) }
        #expect(live.collect(atMost: 1 << 20, piecesMax: 100).isEmpty)
    }

    @Test func whatNobodyCollectsIsBoundedAndItsPlacesTell() async throws {
        live.follow([7])
        let (bench, running) = try start("head -c 20000000 /dev/zero; echo end", outputMax: 1_000)
        let outcome = try await running.value
        withExtendedLifetime(bench) {}
        #expect(outcome.output.count == 20_000_004 && outcome.output.kept.count == 1_000)
        var bytes = 0
        var last = 0
        while case let pieces = live.collect(atMost: 1 << 20, piecesMax: 100), !pieces.isEmpty {
            for piece in pieces {
                #expect(piece.place >= last && piece.bytes.count <= LiveOutput.pieceBytesMax)
                last = piece.place + piece.bytes.count
                bytes += piece.bytes.count
            }
        }
        #expect(bytes <= LiveOutput.streamBytesMax && last == 20_000_004)
    }
}
