internal import Glibc

/// Points in time as people read them: local time, to the second.
package enum WallClock {
    package static func now() -> String { text(seconds()) }

    /// Since 1970-01-01 UTC.
    package static func seconds() -> Double { Double(time(nil)) }

    /// Seconds since 1970-01-01 UTC.
    package static func text(_ seconds: Double) -> String {
        var instant = time_t(seconds)
        var parts = tm()
        localtime_r(&instant, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
            + " \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    }
}
