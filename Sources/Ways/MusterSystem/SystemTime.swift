internal import Glibc
package import MusterCore

/// The two clocks that drivers read and the core never does.
package enum SystemTime {
    /// Monotonic; counts the time that the machine was suspended, so that a sleeping laptop's leases do expire.
    package static func now() -> Moment {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Moment(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Processor time of the calling thread: two readings of it tell what lies between them only where nothing there is awaited.
    package static func threadProcessorTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .nanoseconds(Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// For threads of one's own.
    package static func sleep(_ time: Duration) {
        let nanoseconds = max(0, time.inNanoseconds)
        var time = timespec(
            tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        var left = timespec()
        while nanosleep(&time, &left) != 0 && errno == EINTR { time = left }
    }

    /// For people.
    package static func wallClockMs() -> WallClockMs {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
