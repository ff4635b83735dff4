/// Numbers as people read them. English notation whatever the locale, so that scripts and screenshots agree.
package enum Format {
    /// `12,345`.
    package static func count(_ value: Int) -> String {
        let digits = Array(String(value.magnitude))
        var text = value < 0 ? "-" : ""
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// `950`, `12.3k`, `4.56M`: three digits that matter. Not finite: `?`.
    static func compact(_ value: Double) -> String {
        scaled(value, by: 1000, units: ["", "k", "M", "G", "T", "P", "E"])
    }

    /// `950 B`, `1.5 KiB`, `3.2 GiB`.
    package static func bytes(_ value: Int) -> String {
        scaled(Double(value), by: 1024, units: [" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"])
    }

    /// `12.3k/s`; below one a second it counts by the minute: `4.5/min`.
    package static func rate(_ perSecond: Double) -> String {
        if perSecond > 0, perSecond < 1 { return compact(perSecond * 60) + "/min" }
        return compact(perSecond) + "/s"
    }

    /// `45%`, rounded down so that 100% means all. Of nothing: `100%`.
    package static func percent(_ done: Int, of total: Int) -> String {
        guard total > 0 else { return "100%" }
        return "\(percentage(done, of: total))%"
    }

    /// 0…100, rounded down.
    static func percentage(_ done: Int, of total: Int) -> Int {
        guard total > 0 else { return 100 }
        let clamped = min(max(done, 0), total)
        let (quotient, remainder) = total.dividingFullWidth(clamped.multipliedFullWidth(by: 100))
        return remainder >= 0 ? quotient : quotient - 1
    }

    /// `130 µs`, `3.2 ms`, `45.1 s`, `4m05s`, `3h05m`, `2d03h`. Not finite or negative: `?`.
    package static func duration(_ seconds: Double) -> String {
        guard seconds >= 0, seconds < 1e12 else { return "?" }
        if seconds == 0 { return "0 s" }
        if seconds < 0.000_999_5 { return significant(seconds * 1e6) + " µs" }
        if seconds < 0.999_5 { return significant(seconds * 1e3) + " ms" }
        if seconds < 59.95 { return decimal(seconds, places: 1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 3600 { return "\(whole / 60)m\(twoDigits(whole % 60))s" }
        if whole < 86_400 { return "\(whole / 3600)h\(twoDigits(whole % 3600 / 60))m" }
        return "\(whole / 86_400)d\(twoDigits(whole % 86_400 / 3600))h"
    }

    /// `0:04`, `12:34`, `1:02:03`: for what counts up or down before the eyes. Not finite or negative: `?`.
    package static func clock(_ seconds: Double) -> String {
        guard seconds >= 0, seconds < 1e9 else { return "?" }
        let whole = Int(seconds)
        let tail = "\(twoDigits(whole % 60))"
        if whole < 3600 { return "\(whole / 60):\(tail)" }
        return "\(whole / 3600):\(twoDigits(whole % 3600 / 60)):\(tail)"
    }

    /// A number with that many places after the point, rounded half away from zero. Not finite or too large: `?`.
    static func decimal(_ value: Double, places: Int) -> String {
        var scale = 1
        for _ in 0..<places { scale *= 10 }
        let scaled = (value * Double(scale)).rounded()
        guard scaled.magnitude < 9e18 else { return "?" }
        let whole = Int(scaled)
        let sign = whole < 0 ? "-" : ""
        let digits = String(whole.magnitude % UInt(scale))
        let head = "\(sign)\(whole.magnitude / UInt(scale))"
        return places == 0 ? head : "\(head).\(String(repeating: "0", count: places - digits.count))\(digits)"
    }

    /// `5`, `0.5`: no `.0` behind a whole number.
    package static func shortest(_ value: Double) -> String {
        Int(exactly: value).map { String($0) } ?? String(value)
    }

    private static func scaled(_ value: Double, by step: Double, units: [String]) -> String {
        guard value.isFinite else { return "?" }
        var rest = value.magnitude
        var unit = 0
        // What would round up to the next unit's 1 is shown in that unit.
        while rest >= step - 0.5, unit + 1 < units.count {
            rest /= step
            unit += 1
        }
        let sign = value < 0 ? "-" : ""
        return sign + (unit == 0 ? significantOrWhole(rest) : significant(rest)) + units[unit]
    }

    private static func significantOrWhole(_ value: Double) -> String {
        Int(exactly: value).map { String($0) } ?? significant(value)
    }

    /// Three digits: `1.23`, `12.3`, `123`.
    private static func significant(_ value: Double) -> String {
        decimal(value, places: value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
    }

    private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
