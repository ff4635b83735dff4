package import MusterKernels
internal import RunRules
internal import Synchronization

/// What commands of this process print while they run, of those jobs that somebody follows. Bounded: what nobody collects in time is
/// let go from the front, and the places of what follows tell of it.
package final class LiveOutput: Sendable {
    /// Of one stream of one command.
    package static let streamBytesMax = 512 << 10
    /// In sum.
    package static let bytesMax = 16 << 20
    /// Of one piece.
    package static let pieceBytesMax = 64 << 10

    /// A piece on its way.
    package struct Piece: Hashable, Sendable {
        package var run: TaskRunName
        package var isError: Bool
        package var place: Int
        package var bytes: [UInt8]
    }

    private struct Run {
        var name: TaskRunName
        let tap: LiveTap
        var output = LiveWindow(bytesMax: LiveOutput.streamBytesMax)
        var error = LiveWindow(bytesMax: LiveOutput.streamBytesMax)
        /// It goes once what is here was collected.
        var isOver = false

        var bytes: Int { output.count + error.count }
    }

    private struct State {
        var followed: Set<Int64> = []
        var runs: [UInt64: Run] = [:]
        var next: UInt64 = 1
        var bytes = 0
        /// The one of which something was collected last.
        var served: UInt64 = 0
    }

    private let state = Mutex(State())
    private let onNews = Mutex<(@Sendable () -> Void)?>(nil)

    package init() {}

    /// Called when there is something to collect where there was nothing. Only queues.
    package func onNews(_ body: @escaping @Sendable () -> Void) { onNews.withLock { $0 = body } }

    /// These jobs are followed from now on, and no others. What their commands printed so far is handed over from its beginning.
    package func follow(_ jobs: Set<Int64>) {
        let begun = state.withLock { state in
            var begun: [LiveTap] = []
            let before = state.followed
            state.followed = jobs
            for (number, run) in state.runs where before.contains(run.name.job) != jobs.contains(run.name.job) {
                let isFollowed = jobs.contains(run.name.job)
                run.tap.setFollowed(isFollowed)
                if isFollowed {
                    begun.append(run.tap)
                } else {
                    state.bytes -= run.bytes
                    state.runs[number] = run.isOver ? nil : Run(name: run.name, tap: run.tap)
                }
            }
            return begun
        }
        for tap in begun { tap.wake() }
    }

    /// A command that begins. `wake` is called when somebody begins to follow it, and whoever reads its output calls `catchUp` then.
    package func begin(_ name: TaskRunName, wake: @escaping @Sendable () -> Void) -> LiveTap {
        state.withLock { state in
            let tap = LiveTap(self, number: state.next, wake)
            tap.setFollowed(state.followed.contains(name.job))
            state.runs[state.next] = Run(name: name, tap: tap)
            state.next += 1
            return tap
        }
    }

    /// The command has ended. `isWhole`: its result has all that it printed, and is on its way.
    fileprivate func end(_ number: UInt64, isWhole: Bool) {
        state.withLock { state in
            guard let run = state.runs[number] else { return }
            if isWhole || run.bytes == 0 {
                state.bytes -= run.bytes
                state.runs[number] = nil
            } else {
                state.runs[number]!.isOver = true
            }
        }
    }

    fileprivate func started(_ number: UInt64, _ ms: Int64) {
        state.withLock { $0.runs[number]?.name.startMs = ms }
    }

    fileprivate func take(_ number: UInt64, _ bytes: UnsafeRawBufferPointer, at place: Int, isError: Bool) {
        let isNews = state.withLock { state in
            guard var run = state.runs.removeValue(forKey: number) else { return false }
            let (before, all) = (run.bytes, state.bytes)
            if isError { run.error.append(bytes, at: place) } else { run.output.append(bytes, at: place) }
            if all - before + run.bytes > Self.bytesMax {
                run.output.clear()
                run.error.clear()
            }
            state.bytes += run.bytes - before
            state.runs[number] = run
            return all == 0 && state.bytes > 0
        }
        if isNews { onNews.withLock { $0 }?() }
    }

    /// At most about so many bytes, of all commands in turn.
    package func collect(atMost limit: Int, piecesMax: Int) -> [Piece] {
        state.withLock { state in
            guard state.bytes > 0 else { return [] }
            var pieces: [Piece] = []
            var left = limit
            let waiting = state.runs.filter { $0.value.bytes > 0 }.keys.sorted()
            let first = waiting.firstIndex { $0 > state.served } ?? 0
            for number in waiting[first...] + waiting[..<first] where left > 0 && pieces.count + 2 <= piecesMax {
                for isError in [false, true] {
                    let most = min(left, Self.pieceBytesMax)
                    let found =
                        isError
                        ? state.runs[number]!.error.take(atMost: most) : state.runs[number]!.output.take(atMost: most)
                    guard let (place, bytes) = found else { continue }
                    left -= bytes.count
                    state.bytes -= bytes.count
                    pieces.append(
                        Piece(run: state.runs[number]!.name, isError: isError, place: place, bytes: bytes))
                }
                state.served = number
                if state.runs[number]!.isOver, state.runs[number]!.bytes == 0 { state.runs[number] = nil }
            }
            return pieces
        }
    }

    /// Whether there is something to collect.
    package var hasNews: Bool { state.withLock { $0.bytes > 0 } }
}

/// One command's way into it.
package final class LiveTap: TaskOutputTap {
    private let output: LiveOutput
    private let number: UInt64
    private let onWake: @Sendable () -> Void
    private let flag = Atomic(false)

    fileprivate init(_ output: LiveOutput, number: UInt64, _ onWake: @escaping @Sendable () -> Void) {
        (self.output, self.number, self.onWake) = (output, number, onWake)
    }

    package var isFollowed: Bool { flag.load(ordering: .relaxed) }
    fileprivate func setFollowed(_ isFollowed: Bool) { flag.store(isFollowed, ordering: .relaxed) }
    fileprivate func wake() { onWake() }

    package func started(atMs ms: Int64) { output.started(number, ms) }

    package func take(_ bytes: UnsafeRawBufferPointer, at place: Int, isError: Bool) {
        output.take(number, bytes, at: place, isError: isError)
    }

    /// `isWhole`: its result has all that it printed.
    package func end(isWhole: Bool) { output.end(number, isWhole: isWhole) }
}
