internal import MusterLaunch
internal import Synchronization

/// `muster-bench-members`, which lies beside the binary that is measured: thousands of members, or of subscribers to Redis,
/// in a process of their own.
final class LoadGenerator: Sendable {
    private let process: ChildProcess
    private let sink: Sink

    /// Returns when all are there. `onSeen` gets the lines that tell what pages have seen.
    init(
        _ options: Options, _ arguments: [String], onSeen: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws {
        let directory = options.binary.lastIndex(of: "/").map { String(options.binary[...$0]) } ?? ""
        let sink = Sink()
        self.sink = sink
        process = try ChildProcess(
            executable: directory + "muster-bench-members", arguments: arguments,
            output: .lines { line in
                if line.text.hasPrefix("{\"seen\"") { onSeen(line.text) } else { sink.take(line.text) }
            }, killsGroupAtExit: true)
        let began = seconds()
        while sink.joined.isEmpty {
            try check()
            guard seconds() - began < 120 else { throw BenchError("not all members have joined in 120 s") }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Who is rank 0: the first that joined.
    var firstSecret: String {
        String(sink.joined.split(separator: "\"secret\":\"").dropFirst().first?.prefix { $0 != "\"" } ?? "")
    }

    /// Commands or messages that all of them together have got.
    var received: Int { Int(number("received", in: sink.last) ?? 0) }

    /// Connections that broke, and requests that the coordinator refused.
    var troubles: Int {
        Int((number("reconnects", in: sink.last) ?? 0) + (number("refused", in: sink.last) ?? 0))
    }

    /// What it said last.
    var last: String { sink.last }

    func check() throws {
        if let status = process.status { throw BenchError("the load generator ended (\(status)): \(sink.last)") }
    }

    /// Of its process so far.
    var processorSeconds: Double { BenchFleet.processorSeconds(of: process.pid) }

    /// At once, as a machine that fails.
    func kill() { process.kill() }

    func stop() async {
        process.terminate()
        _ = await process.wait()
    }

    private final class Sink: Sendable {
        private let lines = Mutex((joined: "", last: ""))
        var joined: String { lines.withLock { $0.joined } }
        var last: String { lines.withLock { $0.last } }

        func take(_ text: String) {
            lines.withLock { lines in
                if text.hasPrefix("{\"joined\"") { lines.joined = text } else { lines.last = text }
            }
        }
    }
}
