internal import Glibc
internal import Synchronization

/// Opened once; whoever waits for it blocks, for 60 s at most.
package final class Latch: Sendable {
    private let opened = Atomic(false)

    package init() {}

    package var isOpened: Bool { opened.load(ordering: .acquiring) }
    package func open() { opened.store(true, ordering: .releasing) }

    @discardableResult
    package func wait() -> Bool {
        for _ in 0..<120_000 {
            if opened.load(ordering: .acquiring) { return true }
            usleep(500)
        }
        return false
    }
}

/// Polls until it holds, for 60 s at most; it blocks.
package func holdsAtLast(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<60_000 {
        if try condition() { return true }
        usleep(1_000)
    }
    return false
}

private final class ThreadBody {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs something on a thread of its own.
package func runThread(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { box in
            Unmanaged<ThreadBody>.fromOpaque(box!).takeRetainedValue().run()
            return nil
        }, Unmanaged.passRetained(ThreadBody(body)).toOpaque())
    precondition(code == 0)
    pthread_detach(thread)
}

/// Runs blocking work on a thread of its own, so that the tasks of what is tested keep theirs.
package func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        runThread { continuation.resume(with: Swift.Result { try body() }) }
    }
}

/// Waits until a condition holds. False: it did not within 30 s.
package func eventually(_ condition: @Sendable () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(30)
    while !condition() {
        guard ContinuousClock.now < deadline else { return false }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return true
}

/// 1, 2, 3, …
package final class Counter: Sendable {
    private let count = Atomic(0)

    package init() {}

    package func next() -> Int { count.add(1, ordering: .relaxed).newValue }
    package var value: Int { count.load(ordering: .relaxed) }
}

/// What handlers hand to the test's thread, in order.
package final class Kept<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    package init() {}

    package func add(_ value: Value) { values.withLock { $0.append(value) } }
    package var all: [Value] { values.withLock { $0 } }

    /// The value at an index once it is there; nil after 60 s. It blocks.
    package func wait(_ index: Int = 0) -> Value? {
        for _ in 0..<120_000 {
            if let value = value(index) { return value }
            usleep(500)
        }
        return nil
    }

    /// The same for tasks; nil after 30 s.
    package func awaited(_ index: Int = 0) async -> Value? {
        _ = await eventually { value(index) != nil }
        return value(index)
    }

    private func value(_ index: Int) -> Value? { values.withLock { $0.count > index ? $0[index] : nil } }
}
