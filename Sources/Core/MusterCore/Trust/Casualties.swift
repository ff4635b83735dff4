/// How many workers died while they held a task, kept by runs of tasks. It is how a task that kills its workers is told
/// from its innocent neighbours: a run that killed once is leased in small pieces, one that killed twice task by task.
package struct Casualties: Hashable, Sendable {
    private struct Run: Hashable, Sendable {
        var tasks: Range<Int>
        var kills: Int
    }
    /// In task order, never overlapping, mostly empty.
    private var runs: [Run] = []

    package init() {}

    package var isEmpty: Bool { runs.isEmpty }

    /// One more worker died holding all of these.
    package mutating func add(_ tasks: Range<Int>) {
        guard !tasks.isEmpty else { return }
        var next: [Run] = []
        var from = tasks.lowerBound
        for run in runs {
            let shared = run.tasks.clamped(to: tasks)
            guard !shared.isEmpty else {
                next.append(run)
                continue
            }
            if from < shared.lowerBound { next.append(Run(tasks: from..<shared.lowerBound, kills: 1)) }
            if run.tasks.lowerBound < shared.lowerBound {
                next.append(Run(tasks: run.tasks.lowerBound..<shared.lowerBound, kills: run.kills))
            }
            next.append(Run(tasks: shared, kills: run.kills + 1))
            if shared.upperBound < run.tasks.upperBound {
                next.append(Run(tasks: shared.upperBound..<run.tasks.upperBound, kills: run.kills))
            }
            from = shared.upperBound
        }
        if from < tasks.upperBound { next.append(Run(tasks: from..<tasks.upperBound, kills: 1)) }
        runs = next.sorted { $0.tasks.lowerBound < $1.tasks.lowerBound }
    }

    /// The most workers that died holding this task.
    package func kills(of task: Int) -> Int {
        runs.first { $0.tasks.contains(task) }?.kills ?? 0
    }

    /// The longest piece at the start of `tasks` that may go out in one lease.
    package func safePrefix(of tasks: Range<Int>) -> Range<Int> {
        guard let run = runs.first(where: { $0.tasks.overlaps(tasks) }) else { return tasks }
        if tasks.lowerBound < run.tasks.lowerBound { return tasks.lowerBound..<run.tasks.lowerBound }
        let longest = run.kills == 1 ? max(1, run.tasks.count / 16) : 1
        return tasks.lowerBound..<min(tasks.upperBound, run.tasks.upperBound, tasks.lowerBound + longest)
    }
}
