internal import Synchronization

/// A number that the pieces of one body go by.
final class Counter: Sendable {
    private let count: Mutex<UInt64>

    init(_ count: UInt64) { self.count = Mutex(count) }

    var value: UInt64 { count.withLock { $0 } }
    func add(_ more: UInt64) { count.withLock { $0 += more } }
}
