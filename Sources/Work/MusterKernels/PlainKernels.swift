internal import Glibc
internal import MusterJSON
internal import MusterWire
internal import Synchronization

/// Does nothing: what is left is the road itself.
struct NoopKernel: Kernel {
    static let name = "noop"
    static let summary = "does nothing; its value is null"
    static let input = KernelInput.none
    static let isDeterministic = true
    private static let null = Array("null".utf8)

    init(params: JSONFields) throws(Problem) { try params.finish() }

    func run(_ task: KernelTask, _ cancellation: Cancellation) -> [UInt8] { Self.null }
}

/// Sleeps `ms` milliseconds, 0 to 86,400,000, default 1000.
struct SleepKernel: Kernel {
    static let name = "sleep"
    static let summary = "sleeps for ms milliseconds; its value is null"
    static let input = KernelInput.none
    static let isDeterministic = true
    private let seconds: Double

    init(params: JSONFields) throws(Problem) {
        var params = params
        seconds = (try params.double("ms", in: 0...86_400_000) ?? 1_000) / 1_000
        try params.finish()
    }

    func run(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> [UInt8] {
        if !cancellation.wait(seconds: seconds) { throw TaskFailure("cancelled while it slept") }
        return Array("null".utf8)
    }
}

/// Fails its first `attempts` attempts (default: every one), then answers with the number of the attempt that worked.
struct FailKernel: Kernel {
    static let name = "fail"
    static let summary = "fails its first attempts; its value is the attempt that worked"
    static let input = KernelInput.none
    static let isDeterministic = false
    private let attempts: Int

    init(params: JSONFields) throws(Problem) {
        var params = params
        attempts = try params.int("attempts", in: 0...Int(Int32.max)) ?? .max
        try params.finish()
    }

    func run(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> [UInt8] {
        if task.attempt <= attempts { throw TaskFailure("failed as asked, attempt \(task.attempt)") }
        return Array(String(task.attempt).utf8)
    }
}

/// Adds up the numbers of its input, an array. Whole numbers add exactly while the sum fits 64 bits.
struct SumKernel: Kernel {
    static let name = "sum"
    static let summary = "adds up the numbers of each input, an array"
    static let input = KernelInput.required
    static let isDeterministic = true

    init(params: JSONFields) throws(Problem) { try params.finish() }

    func check(input: JSONValue) throws(Problem) { _ = try sum(input) }

    func run(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> [UInt8] {
        guard let input = task.input else { throw TaskFailure("this task has no input") }
        do throws(Problem) {
            return try sum(input)
        } catch {
            throw TaskFailure(error.detail)
        }
    }

    private func sum(_ input: JSONValue) throws(Problem) -> [UInt8] {
        guard let numbers = input.elements else { throw notNumbers(input) }
        var whole: Int? = 0
        var total = 0.0
        for number in numbers {
            guard let value = number.double else { throw notNumbers(input) }
            total += value
            let next = number.int.flatMap { next in whole.map { $0.addingReportingOverflow(next) } }
            whole = next.flatMap { $0.overflow ? nil : $0.partialValue }
        }
        guard total.isFinite else {
            throw Problem(422, "the sum of \(JSONFields.shown(input)) is too large for a double.", code: "field")
        }
        return Array((whole.map { String($0) } ?? total.description).utf8)
    }

    private func notNumbers(_ input: JSONValue) -> Problem {
        Problem(422, "must be an array of numbers, like [1, 2], not \(JSONFields.shown(input)).", code: "field")
    }
}

extension Cancellation {
    /// Sleeps on the calling thread; false when it was cancelled before the time was up.
    func wait(seconds: Double) -> Bool {
        let gate = SleepGate()
        onCancel { gate.open() }
        return !gate.wait(seconds: seconds)
    }
}

/// A condition variable that one thread waits on and any may open.
///
/// `@unchecked Sendable`: `isOpen` is guarded by `mutex`; the two C objects are used through their own functions only.
private final class SleepGate: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isOpen = false

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    func open() {
        pthread_mutex_lock(mutex)
        isOpen = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// True when it was opened in time.
    func wait(seconds: Double) -> Bool {
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        let nanoseconds = until.tv_nsec + Int(seconds.truncatingRemainder(dividingBy: 1) * 1e9)
        until.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
        until.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !isOpen, pthread_cond_timedwait(condition, mutex, &until) == 0 {}
        return isOpen
    }
}
