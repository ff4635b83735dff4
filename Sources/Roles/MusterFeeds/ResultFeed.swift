internal import MusterAPI
internal import MusterCore
package import MusterHTTP
internal import Synchronization

/// One stream of results that waits for more. While it has sent everything so far it is *live*: small records go straight
/// from the store's writer into the stream, without another thread. What is large or out of order, and whatever the stream
/// has no room for, is left to the stream's own task, which reads it from the store.
///
/// In the order of arrival nothing is out of order: what was sent is remembered instead, as ranges of tasks. There are about as
/// many as workers have tasks in hand.
package final class ResultFeed: Sendable {
    private struct State {
        /// First task that was not sent.
        var next: Int
        var isLive = false
        /// Tasks behind `next` that were sent; in task order none are.
        var sent = RangeSet<Int>()

        /// The parts of these tasks that were not sent.
        func unsent(of tasks: Range<Int>) -> [Range<Int>] {
            let open = max(tasks.lowerBound, next)..<max(tasks.upperBound, next)
            guard !open.isEmpty, !sent.isEmpty else { return open.isEmpty ? [] : [open] }
            return Array(RangeSet(open).subtracting(sent).ranges)
        }

        mutating func advance(over tasks: Range<Int>) {
            sent.insert(contentsOf: tasks)
            while let first = sent.ranges.first, first.lowerBound <= next {
                next = max(next, first.upperBound)
                sent.remove(contentsOf: first)
            }
        }
    }
    /// Above so many tasks a record's lines are not written on the writer's thread.
    private static let liveTasksMax = 64

    package let stream: HTTPStream
    /// Whether results are sent in task order, or as they come.
    package let isInOrder: Bool
    private let state: Mutex<State>

    package init(_ stream: HTTPStream, from next: Int, isInOrder: Bool = true) {
        self.stream = stream
        self.isInOrder = isInOrder
        state = Mutex(State(next: next))
    }

    package var next: Int { state.withLock { $0.next } }
    package var isLive: Bool { state.withLock { $0.isLive } }

    package func advance(to next: Int) { state.withLock { $0.next = max($0.next, next) } }
    /// These were sent, in whatever order.
    package func sent(_ tasks: Range<Int>) { state.withLock { $0.advance(over: tasks) } }

    /// The first task at or behind `task` that was not sent.
    package func firstUnsent(from task: Int) -> Int {
        state.withLock { state in
            let task = max(task, state.next)
            return state.sent.ranges.first { $0.contains(task) }?.upperBound ?? task
        }
    }

    /// The parts of these tasks that were not sent.
    package func unsent(of tasks: Range<Int>) -> [Range<Int>] {
        state.withLock { $0.unsent(of: tasks) }
    }

    func goLive() { state.withLock { $0.isLive = true } }

    /// Durable records, in the order of their commits.
    func offer(_ records: [ResultRecord]) {
        state.withLock { state in
            guard state.isLive else { return }
            var lines: [UInt8] = []
            for record in records {
                let tasks = record.first..<record.first + record.count
                guard !isInOrder || record.first == state.next, record.count <= Self.liveTasksMax, !stream.isFull else {
                    state.isLive = false
                    break
                }
                // It may have been read from the store, between its commit and this.
                for part in state.unsent(of: tasks) { ResultLines.append(record, part, to: &lines) }
                if isInOrder { state.next = tasks.upperBound } else { state.advance(over: tasks) }
            }
            _ = stream.write(lines)
        }
    }

    /// The job is over with so many tasks. True when everything was sent and the stream is finished by this.
    func end(count: Int) -> Bool {
        let isWhole = state.withLock { $0.isLive && $0.next == count }
        if isWhole { stream.finish() }
        return isWhole
    }
}
