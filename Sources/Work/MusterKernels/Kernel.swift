package import MusterCore
package import MusterJSON
package import MusterWire
internal import Synchronization

/// What a task computes. A kernel is made once for a batch (its params are checked then) and runs task by task on a
/// thread that may block.
package protocol Kernel: Sendable {
    /// The name in requests. 1…`Limits.nameBytesMax` bytes.
    static var name: String { get }
    static var summary: String { get }
    static var input: KernelInput { get }
    /// Whether a task comes to the same bytes on any machine, at any attempt: only then can one check another.
    static var isDeterministic: Bool { get }
    /// How often a task is tried in all, where its job does not say. 1…`Limits.attemptsMax`.
    static var attemptsDefault: Int { get }
    /// Whether an idle worker may compute again what another is slow with, where the job does not say.
    static var isCopied: Bool { get }
    /// Whether `run` itself ends a task after `KernelTask.timeoutSeconds`, and fails it with a reason of its own.
    static var timesItself: Bool { get }
    /// Throws a `Problem` (422) for params that are wrong or unknown.
    init(params: JSONFields) throws(Problem)
    /// One JSON text, or a failure that may be tried again.
    func run(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> [UInt8]
    /// The same for a transient job: bytes, at most `Limits.blobBytesMax` of them, for whoever asked for that job.
    func runTransient(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> [UInt8]
    /// Throws a `Problem` (422) for an input that this kernel cannot take.
    func check(input: JSONValue) throws(Problem)
    /// An input that is a text of at most so many bytes, none of which is written with a backslash, needs no `check`; 0: each does.
    var plainTextBytesMax: Int { get }
    /// Throws a `Problem` (422) where the params do not make so many tasks.
    func check(count: Int) throws(Problem)
    /// What tasks of a batch left to be brought elsewhere before their results count; nil: nothing.
    var deliveries: (any TaskFileCourier)? { get }
    /// Called once before the tasks of a batch, with their inputs.
    func prepare(_ inputs: LineColumn?, first: Int)
    /// Throws a `Problem` (422) where the tasks need inputs after all.
    func check(count: Int, hasInputs: Bool) throws(Problem)
}

/// Whether a kernel's tasks take inputs of their own.
package enum KernelInput: Sendable { case none, optional, required }

/// One task as its kernel sees it.
package struct KernelTask: Sendable {
    package var index: Int
    /// 1 for the first attempt.
    package var attempt: Int
    package var input: JSONValue?
    /// The number of its job; 0: nobody's.
    package var job: Int64 = 0
    /// Which of its worker's slots computes it, from 1 on: no other task has it meanwhile.
    package var slot = 1
    /// What it needs of its worker: slots, and bytes of memory, 0 where it does not say.
    package var cpus = 1
    package var memoryBytes = 0
    /// The system's numbers of GPUs that no other task has meanwhile.
    package var gpus: [Int] = []
    /// Nil: it may take for ever.
    package var timeoutSeconds: Double?

    package init(index: Int, attempt: Int, input: JSONValue?) {
        self.index = index
        self.attempt = attempt
        self.input = input
    }
}

/// A task's computation failed; the reason goes to whoever asked for the job.
package struct TaskFailure: Error, Hashable, Sendable {
    package var reason: String
    /// What it left all the same, one JSON text; nil: nothing.
    package var value: [UInt8]?
    /// This worker cannot run it, and another may: there is no such image here, no engine, no room.
    package var isOwnFault: Bool

    package init(_ reason: String, value: [UInt8]? = nil, isOwnFault: Bool = false) {
        (self.reason, self.value, self.isOwnFault) = (reason, value, isOwnFault)
    }
}

/// Tells a running batch to stop. Kernels that take long look at it, or wait on it instead of sleeping.
package final class Cancellation: Sendable {
    private let flag = Atomic(false)
    private let wakers = Mutex<(next: Int, all: [Int: @Sendable () -> Void])>((0, [:]))

    package init() {}

    package var isCancelled: Bool { flag.load(ordering: .acquiring) }

    package func cancel() {
        guard !flag.exchange(true, ordering: .acquiringAndReleasing) else { return }
        for wake in wakers.withLock({ $0.all.values.map { $0 } }) { wake() }
    }

    /// Calls `wake` at cancellation; at once when that has been. The answer is for `forget`.
    @discardableResult
    package func onCancel(_ wake: @escaping @Sendable () -> Void) -> Int {
        let number = wakers.withLock { wakers in
            wakers.next += 1
            wakers.all[wakers.next] = wake
            return wakers.next
        }
        if isCancelled { wake() }
        return number
    }

    /// For who listens to the cancellation of many tasks, one after the other. It may be called for once more all the same.
    package func forget(_ number: Int) { wakers.withLock { _ = $0.all.removeValue(forKey: number) } }
}

extension Kernel {
    package static var attemptsDefault: Int { Limits.attemptsDefault }
    package static var isCopied: Bool { true }
    package static var timesItself: Bool { false }
    package var deliveries: (any TaskFileCourier)? { nil }
    package func prepare(_ inputs: LineColumn?, first: Int) {}
    package func check(input: JSONValue) throws(Problem) {}
    package var plainTextBytesMax: Int { 0 }
    package func check(count: Int) throws(Problem) {}
    package func check(count: Int, hasInputs: Bool) throws(Problem) { try check(count: count) }
    package func runTransient(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> [UInt8] {
        try run(task, cancellation)
    }
}
