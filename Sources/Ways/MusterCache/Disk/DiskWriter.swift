internal import MusterSystem

/// One thread that does what must be done to files, in the order in which it was asked for. What waits is bounded by the bytes
/// that it holds in memory; removals hold none and always go in.
final class DiskWriter: Sendable {
    private struct State {
        var jobs: [(bytes: Int, run: @Sendable () -> Void)] = []
        /// Index of the first that is not taken yet.
        var head = 0
        var bytes = 0
        var isClosing = false
        var isEnded = false
    }

    private let state = Monitor(State())
    private let bytesMax: Int

    init(bytesMax: Int) throws(CacheError) {
        self.bytesMax = bytesMax
        let failure = startThread { [state] in Self.run(state) }
        guard failure == 0 else { throw CacheError(.unwritable, "no thread to write the cache (error \(failure))") }
    }

    /// False when too much waits already.
    func submit(bytes: Int, _ run: @escaping @Sendable () -> Void) -> Bool {
        state.change(waking: .all) { state in
            guard !state.isClosing, bytes == 0 || state.bytes + bytes <= bytesMax else { return false }
            state.jobs.append((bytes, run))
            state.bytes += bytes
            return true
        }
    }

    /// Returns when everything that was asked for is done.
    func close() {
        state.change(waking: .all) { $0.isClosing = true }
        state.wait { $0.isEnded ? () : nil }
    }

    private static func run(_ state: Monitor<State>) {
        while let job = state.wait(next) {
            job.run()
            state.change(waking: .none) { $0.bytes -= job.bytes }
        }
        state.change(waking: .all) { $0.isEnded = true }
    }

    /// Nil: nothing yet. A nil inside: closing, and nothing is left.
    private static func next(_ state: inout State) -> (bytes: Int, run: @Sendable () -> Void)?? {
        guard state.head < state.jobs.count else { return state.isClosing ? .some(nil) : nil }
        let job = state.jobs[state.head]
        state.head += 1
        if state.head * 2 >= state.jobs.count {
            state.jobs.removeFirst(state.head)
            state.head = 0
        }
        return job
    }
}
