/// What the commands of a job print while they run, joined with their results: whole lines, each once.
///
/// Which tasks have ended its caller remembers: pieces of these are not to be given to it.
package struct LiveOutputs: Sendable {
    /// One run of a task: its streams begin anew.
    package struct Run: Hashable, Sendable {
        package var attempt: Int
        /// When it was started, in milliseconds since 1970, by its worker's clock.
        package var startMs: Int64

        package init(attempt: Int, startMs: Int64) { (self.attempt, self.startMs) = (attempt, startMs) }
    }

    private struct Task {
        var run: Run
        var output = LiveStream()
        var error = LiveStream()
    }

    /// What is to be printed now.
    package struct Due: Hashable, Sendable {
        /// Of an earlier run of the same task, whose lines were given and whose result does not come; nil: there was none.
        package var abandoned: Run?
        /// The rest of what that one printed.
        package var abandonedOutput: [UInt8] = []
        package var abandonedError: [UInt8] = []
        package var output: [ArraySlice<UInt8>] = []
        package var error: [ArraySlice<UInt8>] = []
        /// Bytes that nobody has.
        package var outputLost = 0
        package var errorLost = 0

        package var isEmpty: Bool { abandoned == nil && output.isEmpty && error.isEmpty }
    }

    private var tasks: [Int: Task] = [:]

    package init() {}

    /// Tasks of which something came, and no end yet.
    package var count: Int { tasks.count }

    /// A piece of what a run of a task printed. An older attempt than one that was seen is passed over.
    package mutating func take(
        _ task: Int, _ run: Run, isError: Bool, _ piece: ArraySlice<UInt8>, at place: Int
    ) -> Due {
        var due = Due()
        if let known = tasks[task]?.run, run.attempt < known.attempt { return due }
        abandon(task, unless: run, &due)
        var entry = tasks.removeValue(forKey: task) ?? Task(run: run)
        let lines = isError ? entry.error.take(piece, at: place) : entry.output.take(piece, at: place)
        tasks[task] = entry
        if !lines.isEmpty { if isError { due.error = [lines] } else { due.output = [lines] } }
        return due
    }

    /// The task's result: what it kept of each stream, and how many bytes there were. `run`: nil where it does not say of which it is.
    package mutating func finish(
        _ task: Int, _ run: Run?, output: (kept: [UInt8], total: Int), error: (kept: [UInt8], total: Int)
    ) -> Due {
        var due = Due()
        if let run { abandon(task, unless: run, &due) }
        var entry = tasks.removeValue(forKey: task) ?? Task(run: run ?? Run(attempt: 1, startMs: 0))
        (due.output, due.outputLost) = entry.output.finish(output.kept, total: output.total)
        (due.error, due.errorLost) = entry.error.finish(error.kept, total: error.total)
        return due
    }

    /// No result comes any more: what is held of the tasks that have none, in their order.
    package mutating func rest() -> [(task: Int, output: [UInt8], error: [UInt8])] {
        defer { tasks = [:] }
        return tasks.sorted { $0.key < $1.key }.map { task, entry in
            var entry = entry
            return (task, entry.output.rest(), entry.error.rest())
        }
    }

    private mutating func abandon(_ task: Int, unless run: Run, _ due: inout Due) {
        guard var old = tasks[task], old.run != run else { return }
        tasks[task] = nil
        guard old.output.isTouched || old.error.isTouched else { return }
        (due.abandoned, due.abandonedOutput, due.abandonedError) = (old.run, old.output.rest(), old.error.rest())
    }
}
