internal import MusterLaunch
internal import Synchronization

/// What one process has printed, line by line, to be read while it runs.
package final class Transcript: Sendable {
    private struct Kept {
        var output: [String] = []
        var errors: [String] = []
    }
    /// Lines beyond this many are dropped, of each stream.
    static let linesMax = 1_000_000
    private let kept = Mutex(Kept())

    init() {}

    /// Where a `ChildProcess` is to write.
    var sink: ChildProcess.Output {
        .lines(bytesMax: 1 << 20) { [self] line in
            kept.withLock { kept in
                switch line.stream {
                case .output: if kept.output.count < Self.linesMax { kept.output.append(line.text) }
                case .error: if kept.errors.count < Self.linesMax { kept.errors.append(line.text) }
                }
            }
        }
    }

    /// Standard output so far.
    package var output: [String] { kept.withLock { $0.output } }
    /// Standard error so far.
    package var errors: [String] { kept.withLock { $0.errors } }
}
