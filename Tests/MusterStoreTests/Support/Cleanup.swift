import Synchronization
import Testing

/// What is to be undone when a test ends, last first. A test's own variables may be gone long before its end.
final class Cleanup: Sendable {
    @TaskLocal static var current: Cleanup?

    private let steps = Mutex<[@Sendable () -> Void]>([])

    /// Runs `step` when the running test has ended; never where no `.cleansUp` test runs.
    static func add(_ step: @escaping @Sendable () -> Void) {
        current?.steps.withLock { $0.append(step) }
    }

    func run() {
        for step in steps.withLock({ $0 }).reversed() { step() }
    }
}

/// Gives each test of a suite a `Cleanup` of its own.
struct CleansUp: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let cleanup = Cleanup()
        defer { cleanup.run() }
        try await Cleanup.$current.withValue(cleanup) { try await function() }
    }
}

extension Trait where Self == CleansUp {
    static var cleansUp: CleansUp { CleansUp() }
}
