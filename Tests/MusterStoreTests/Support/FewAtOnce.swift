import Synchronization
import Testing

/// Lets so many cases of a suite run at one time, as a server has so many connections.
struct FewAtOnce: SuiteTrait, TestTrait, TestScoping {
    private static let casesMax = 12
    private static let turns = Mutex((free: casesMax, waiting: [CheckedContinuation<Void, Never>]()))

    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        // A suite, or a test as a whole, waits for its cases.
        guard testCase != nil else { return try await function() }
        await Self.begin()
        defer { Self.end() }
        try await function()
    }

    private static func begin() async {
        await withCheckedContinuation { waiter in
            let begins = turns.withLock { turns in
                guard turns.free > 0 else {
                    turns.waiting.append(waiter)
                    return false
                }
                turns.free -= 1
                return true
            }
            if begins { waiter.resume() }
        }
    }

    private static func end() {
        let next = turns.withLock { turns in
            guard turns.waiting.isEmpty else { return turns.waiting.removeFirst() as CheckedContinuation<Void, Never>? }
            turns.free += 1
            return nil
        }
        next?.resume()
    }
}

extension Trait where Self == FewAtOnce {
    static var fewAtOnce: FewAtOnce { FewAtOnce() }
}
