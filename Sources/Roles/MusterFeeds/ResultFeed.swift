internal import MusterAPI
internal import MusterCore
package import MusterHTTP
internal import Synchronization

/// One stream of results that waits for more. While it has sent everything so far it is *live*: small records go straight
/// from the store's writer into the stream, without another thread. What is large or out of order, and whatever the stream
/// has no room for, is left to the stream's own task, which reads it from the store.
package final class ResultFeed: Sendable {
    private struct State {
        /// First task that was not sent.
        var next: Int
        var isLive = false
    }
    /// Above so many tasks a record's lines are not written on the writer's thread.
    private static let liveTasksMax = 64

    package let stream: HTTPStream
    private let state: Mutex<State>

    package init(_ stream: HTTPStream, from next: Int) {
        self.stream = stream
        state = Mutex(State(next: next))
    }

    package var next: Int { state.withLock { $0.next } }
    package var isLive: Bool { state.withLock { $0.isLive } }

    package func advance(to next: Int) { state.withLock { $0.next = max($0.next, next) } }
    func goLive() { state.withLock { $0.isLive = true } }

    /// Durable records, in the order of their commits.
    func offer(_ records: [ResultRecord]) {
        state.withLock { state in
            guard state.isLive else { return }
            var lines: [UInt8] = []
            for record in records {
                guard record.first == state.next, record.count <= Self.liveTasksMax, !stream.isFull else {
                    state.isLive = false
                    break
                }
                ResultLines.append(record, record.first..<record.first + record.count, to: &lines)
                state.next += record.count
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
