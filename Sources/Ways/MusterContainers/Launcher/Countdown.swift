internal import Glibc
internal import Synchronization

/// Waits on an ordinary thread until so many things have happened.
final class Countdown: Sendable {
    private let left: Atomic<Int>

    init(_ count: Int) { left = Atomic(count) }

    func countDown() { left.subtract(1, ordering: .acquiringAndReleasing) }

    func wait(milliseconds: Int) {
        for _ in 0..<milliseconds where left.load(ordering: .acquiring) > 0 { usleep(1_000) }
    }
}
