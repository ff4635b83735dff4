internal import MusterCore
internal import MusterKernels
package import MusterScheduling
internal import Synchronization

/// How far a batch is. Its own thread goes on with it; others look at it, and where one task takes long they report what is done, and
/// return what is not begun, so that nothing waits behind that one while others are idle.
///
/// `@unchecked Sendable`: `state` is touched by the batch's thread alone, or, where it is watched, while `lock` is held: beside the
/// shortest tasks a lock would be felt. `carried` is touched while `lock` is held.
package final class BatchProgress: @unchecked Sendable {
    /// A task takes long after so much time.
    static let longTime: Duration = .seconds(1)

    private struct State {
        var part: BatchPart
        /// The first that is not begun.
        var next: Int
        /// Behind the last that is to be computed here.
        var end: Int
        /// Of the task that is computed now.
        var began: Moment?
    }

    package let key: LeaseKey
    private let isBinary: Bool
    private let isWatched: Bool
    /// Where what tasks left goes. Set once, before the first task.
    var deliveries: (any TaskFileCourier)? {
        get { lock.withLock { _ in carried } }
        set { lock.withLock { _ in carried = newValue } }
    }
    private var carried: (any TaskFileCourier)?
    private let lock = Mutex(())
    private var state: State

    /// `isWatched`: others may look, as nobody else is given what this batch is slow with.
    init(_ key: LeaseKey, isBinary: Bool, isWatched: Bool) {
        (self.key, self.isBinary, self.isWatched) = (key, isBinary, isWatched)
        state = State(
            part: BatchPart(start: key.first, isBinary: isBinary), next: key.first, end: key.tasks.upperBound)
    }

    private func change<Answer>(_ body: (inout State) -> Answer) -> Answer {
        guard isWatched else { return body(&state) }
        return lock.withLock { _ in body(&state) }
    }

    /// Behind the last task that is to be computed here. For the batch's own thread.
    var end: Int { change { $0.end } }

    /// The next task to be computed; nil: there is none.
    func next(at now: Moment) -> Int? {
        change { state in
            guard state.next < state.end else { return nil }
            state.began = now
            defer { state.next += 1 }
            return state.next
        }
    }

    /// The bytes that wait to be reported, and how many tasks are left.
    func add(_ outcome: Result<[UInt8], TaskFailure>, of task: Int, time: Duration) -> (bytes: Int, left: Int) {
        change { state in
            switch outcome {
            case .success(let value): state.part.add(value: value)
            case .failure(let failure): state.part.add(failure: failure, of: task)
            }
            state.part.add(time: time)
            state.began = nil
            return (state.part.bytes, state.end - state.next)
        }
    }

    /// What waits to be reported; nil: nothing. What follows begins with `next`.
    func takePart(next: Int) -> BatchPart? {
        change { state in
            defer { state.part = BatchPart(start: next, isBinary: isBinary) }
            return state.part.count > 0 ? state.part : nil
        }
    }

    /// What is to be reported now, as a task takes long.
    func look(_ now: Moment) -> BatchPart? {
        guard isWatched else { return nil }
        return change { state in
            guard let began = state.began, now - began >= Self.longTime else { return nil }
            state.end = state.next
            guard state.part.count > 0 else { return nil }
            defer { state.part = BatchPart(start: state.next - 1, isBinary: isBinary) }
            return state.part
        }
    }

    /// Nothing more of it is begun. What is not; nil: all of it is, or will be.
    func stop() -> ReturnedTasks? {
        guard isWatched else { return nil }
        change { $0.end = $0.next }
        return returned
    }

    /// What it does not begin; nil: it has begun, or will, all that it was given.
    var returned: ReturnedTasks? {
        guard isWatched else { return nil }
        let end = end
        return end < key.tasks.upperBound ? ReturnedTasks(key: key, from: end) : nil
    }
}
