internal import Glibc
internal import MusterLog
internal import MusterSystem

/// Lines about requests, written by a thread of its own: whoever reads them slowly, or not at all, holds up nobody. What finds no room
/// is dropped and counted.
package final class AccessLog: Sendable {
    /// So many lines wait, and so many bytes of their targets.
    static let linesMax = 16_384
    static let targetBytesMax = 8 << 20

    private struct State {
        var waiting: [AccessRecord] = []
        var targetBytes = 0
        var isWriting = false
        var isEnded = false
        var dropped = 0
    }

    private let state = Monitor(State())
    private let format: AccessFormat
    private let server: String
    private let descriptor: CInt

    /// `server` names the process in JSON lines. The descriptor stays the caller's, and open.
    package init(_ format: AccessFormat, server: String, descriptor: CInt = STDOUT_FILENO) {
        (self.format, self.server, self.descriptor) = (format, server, descriptor)
    }

    /// Lines that nobody will read.
    package var dropped: Int { state.change(waking: .none) { $0.dropped } }

    /// Never waits.
    func write(_ record: AccessRecord) {
        state.change(waking: .one) { state in
            let bytes = record.target.utf8.count
            guard !state.isEnded, state.waiting.count < Self.linesMax,
                state.targetBytes + bytes <= Self.targetBytesMax
            else {
                state.dropped += 1
                return
            }
            state.waiting.append(record)
            state.targetBytes += bytes
        }
    }

    /// Begins to write. Returns 0, or the `errno` value that says why there is no thread.
    func start() -> CInt { startThread { [self] in run() } }

    /// Takes no more lines, and gives those that wait a second to be read.
    func end() async {
        state.change(waking: .all) { $0.isEnded = true }
        let until = ContinuousClock.now + .seconds(1)
        while ContinuousClock.now < until,
            state.change(waking: .none, { $0.isWriting || !$0.waiting.isEmpty })
        {
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    private func run() {
        var told = 0
        while let records = next() {
            var piece: [UInt8] = []
            var lines = 0
            for record in records {
                let line = record.line(format, server: server)
                // Whole lines, as many as go out in one piece.
                if piece.count + line.count > AccessRecord.lineBytesMax {
                    put(piece, lines)
                    (piece, lines) = ([], 0)
                }
                piece += line
                lines += 1
            }
            put(piece, lines)
            let dropped = state.change(waking: .none) { state in
                state.isWriting = false
                return state.dropped
            }
            if dropped != told {
                Log.warning(
                    "lines of the access log were dropped: its reader is too slow, or gone",
                    ["lines": "\(dropped - told)"])
                told = dropped
            }
        }
    }

    /// All that wait. Blocks while there are none; nil at the end.
    private func next() -> [AccessRecord]? {
        state.wait { state -> [AccessRecord]?? in
            if state.waiting.isEmpty { return state.isEnded ? .some(nil) : nil }
            let records = state.waiting
            (state.waiting, state.targetBytes, state.isWriting) = ([], 0, true)
            return records
        }
    }

    private func put(_ piece: [UInt8], _ lines: Int) {
        var written = 0
        while written < piece.count {
            let count = piece.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written) }
            if count > 0 {
                written += count
            } else if !mayTryAgain(errno) {
                return state.change(waking: .none) { $0.dropped += lines }
            }
        }
    }

    /// Waits where others made the descriptor one that does not.
    private func mayTryAgain(_ error: CInt) -> Bool {
        if error == EINTR { return true }
        guard error == EAGAIN else { return false }
        var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&room, 1, 1_000)
        return true
    }
}
