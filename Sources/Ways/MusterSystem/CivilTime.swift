internal import Glibc

/// A moment in UTC, taken apart.
package struct CivilTime {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private let parts: tm
    private let milliseconds: Int

    /// `wallClockMs`: since 1970.
    package init(_ wallClockMs: Int64) {
        var seconds = time_t(wallClockMs / 1_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        (self.parts, milliseconds) = (parts, Int(wallClockMs % 1_000))
    }

    private static func padded(_ number: some BinaryInteger, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    private var clock: String {
        [parts.tm_hour, parts.tm_min, parts.tm_sec].map { Self.padded($0, 2) }.joined(separator: ":")
    }
    private var year: String { Self.padded(Int(parts.tm_year) + 1_900, 4) }
    private var day: String { Self.padded(parts.tm_mday, 2) }

    /// `2026-11-28`.
    package var date: String { "\(year)-\(Self.padded(parts.tm_mon + 1, 2))-\(day)" }
    /// `28/Nov/2026:19:41:00 +0000`.
    package var common: String { "\(day)/\(Self.months[Int(parts.tm_mon)])/\(year):\(clock) +0000" }
    /// `2026-11-28T19:41:00.000Z` (RFC 3339).
    package var rfc3339: String { "\(date)T\(clock).\(Self.padded(milliseconds, 3))Z" }
    /// The same to the second.
    package var rfc3339Seconds: String { "\(date)T\(clock)Z" }
}
