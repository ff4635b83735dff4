internal import Synchronization

/// Bytes that are on their way, as whoever sends them counts.
final class SentBytes: Sendable {
    private let count = Mutex<UInt64>(0)
    var value: UInt64 { count.withLock { $0 } }
    func add(_ more: UInt64) { count.withLock { $0 += more } }
}
