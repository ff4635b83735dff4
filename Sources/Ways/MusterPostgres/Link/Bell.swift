internal import Glibc
internal import MusterStore
internal import Synchronization

/// Lets a thread sleep until a time or until somebody rings; once rung, nobody sleeps any more. Rung when the store closes.
final class Bell: Sendable {
    /// So long is a server that is away, or silent, still waited for, from the ring on or from the wait's own beginning.
    static let graceMax: Duration = .seconds(10)

    private let descriptor: Int32
    private let far: Int32
    private let firstRing = Mutex<ContinuousClock.Instant?>(nil)

    /// Throws `.io` where the process has no descriptors left.
    init() throws(StoreError) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw StoreError(
                .io(errno), "no pair of sockets for a store: the process may open more files (ulimit -n)",
                isRetryable: true)
        }
        (descriptor, far) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(far)
    }

    /// Nobody reads it, so it takes a byte for each ring: a store closes a few times at most.
    func ring(at time: ContinuousClock.Instant = .now) {
        firstRing.withLock { $0 = $0 ?? time }
        _ = write(far, [1], 1)
    }

    var hasRung: Bool { firstRing.withLock { $0 } != nil }
    /// Rung for so long that nothing is waited for any more.
    var isOver: Bool { firstRing.withLock { $0 }.map { $0 + Self.graceMax <= .now } ?? false }

    /// When a wait that began at `start` ends at the latest; nil: it has not been rung.
    func end(ofWaitFrom start: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        firstRing.withLock { $0 }.map { max($0, start) + Self.graceMax }
    }

    /// True when it was rung.
    func sleep(for time: Duration) -> Bool {
        let (seconds, attoseconds) = time.components
        let end = ContinuousClock.now + time
        var wait = Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&entry, 1, wait)
            if count > 0 { return true }
            if count == 0 || errno != EINTR { return false }
            let left = (end - .now).components
            wait = Int32(clamping: max(0, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000))
        }
    }
}
