internal import MusterCore
internal import MusterLaunch
internal import MusterLaunchRules
internal import MusterRole
internal import Synchronization

/// The numbers that a foreign command prints, one a line, bounded in time and bytes: at its bounds the command is killed, and
/// what it printed until then counts.
enum ForeignNumbers {
    /// Of all lines together.
    private static let bytesMax = 64 << 20
    /// A longer line is no number.
    private static let lineBytesMax = 4 << 10

    fileprivate struct Found {
        var lines: NumberLines
        var bytes = 0
        var isFull: Bool { bytes >= bytesMax || lines.isFull }
    }

    /// Throws a `NodeError` when the command cannot be started or fails by itself: nothing of it counts then.
    static func run(_ command: String, within limit: Duration, range: Int) async throws -> NumberLines {
        let found = Mutex(Found(lines: NumberLines(range: range, countMax: Limits.childReportMax)))
        let full = AsyncStream<Void>.makeStream()
        let process: ChildProcess
        do {
            // In this process's own group, so that it never outlives whoever kills that.
            process = try ChildProcess(
                executable: "/bin/sh", arguments: ["-c", command],
                environment: Environment.inherited,
                output: .lines(bytesMax: lineBytesMax) { line in
                    guard line.stream == .output else { return }
                    if found.withLock({ $0.take(line) }) { full.continuation.finish() }
                }, ownGroup: false)
        } catch {
            throw NodeError(.setup, "the command cannot be started: \(error)")
        }
        let watch = Task {
            for await _ in full.stream {}
            if !Task.isCancelled { process.kill() }
        }
        defer { watch.cancel() }
        let status = await process.wait(atMost: limit)
        let whole = found.withLock { $0 }
        if let status, status != .exited(0), !whole.isFull {
            throw NodeError(.setup, "the command ended with \(status)")
        }
        process.kill()
        var lines = whole.lines
        // A line that was cut in the middle.
        lines.finish()
        return lines
    }

}

extension ForeignNumbers.Found {
    /// Returns true when there is no room for more.
    fileprivate mutating func take(_ line: ChildProcess.Line) -> Bool {
        guard !isFull else { return true }
        bytes += line.text.utf8.count + line.droppedBytes + 1
        lines.feed(line.text.utf8)
        // What was cut was no number.
        if line.droppedBytes > 0 { lines.feed("x".utf8) }
        if line.isWhole { lines.finish() }
        return isFull
    }
}
