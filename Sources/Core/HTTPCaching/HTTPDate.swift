/// The three forms of a date in HTTP (RFC 9110 5.6.7), as seconds since 1970-01-01T00:00:00Z.
package enum HTTPDate {
    /// Case of names does not matter; everything else does: digits, single spaces, "GMT". The weekday is not checked
    /// against the date. RFC 850's two-digit year is the one at most 50 years ahead of `now` (seconds); without `now`,
    /// 69 to 99 are 1969 to 1999 as in POSIX. Nil for anything else.
    package static func parse(_ text: String, now: Int? = nil) -> Int? {
        var scanner = Scanner(text)
        let weekday = scanner.letters()
        if scanner.take(" ") { return isWeekday(weekday, long: false) ? asctime(&scanner) : nil }
        guard scanner.take(","), scanner.take(" "), let day = scanner.digits(2) else { return nil }
        let short = isWeekday(weekday, long: false)
        let separator: Unicode.Scalar = short ? " " : "-"
        guard short || isWeekday(weekday, long: true), scanner.take(separator),
            let month = monthNumber(scanner.letters()), scanner.take(separator),
            var year = scanner.digits(short ? 4 : 2), scanner.take(" "),
            let time = scanner.time(), scanner.take(" "), FieldSyntax.same(scanner.letters(), "GMT"), scanner.isAtEnd
        else { return nil }
        if !short { year = fullYear(year, now: now) }
        return seconds(year: year, month: month, day: day, time: time)
    }

    /// The preferred form: `Sun, 06 Nov 1994 08:49:37 GMT`. Years 0 to 9999; what is beyond is cut to them.
    package static func format(_ seconds: Int) -> String {
        let seconds = min(max(seconds, -62_167_219_200), 253_402_300_799)
        let days = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
        let time = seconds - days * 86_400
        let (year, month, day) = civil(days)
        var text = "\(weekdays[((days % 7) + 11) % 7].prefix(3)), "
        text.reserveCapacity(29)
        text += "\(padded(day)) \(months[month - 1]) \(padded(year / 100))\(padded(year % 100)) "
        text += "\(padded(time / 3600)):\(padded(time / 60 % 60)):\(padded(time % 60)) GMT"
        return text
    }

    private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static func isWeekday(_ name: Substring, long: Bool) -> Bool {
        weekdays.contains { FieldSyntax.same(long ? Substring($0) : $0.prefix(3), name) }
    }

    private static func monthNumber(_ name: Substring) -> Int? {
        months.firstIndex { FieldSyntax.same($0, name) }.map { $0 + 1 }
    }

    /// Behind the weekday of `Sun Nov  6 08:49:37 1994`.
    private static func asctime(_ scanner: inout Scanner) -> Int? {
        guard let month = monthNumber(scanner.letters()), scanner.take(" "),
            let day = scanner.take(" ") ? scanner.digits(1) : scanner.digits(2), scanner.take(" "),
            let time = scanner.time(), scanner.take(" "), let year = scanner.digits(4), scanner.isAtEnd
        else { return nil }
        return seconds(year: year, month: month, day: day, time: time)
    }

    private static func fullYear(_ twoDigits: Int, now: Int?) -> Int {
        guard let now else { return twoDigits + (twoDigits < 69 ? 2000 : 1900) }
        let thisYear = civil(now / 86_400).year
        let year = thisYear / 100 * 100 + twoDigits
        return year > thisYear + 50 ? year - 100 : year <= thisYear - 50 ? year + 100 : year
    }

    private static func seconds(year: Int, month: Int, day: Int, time: Int) -> Int? {
        guard day >= 1 else { return nil }
        let days = daysSinceEpoch(year: year, month: month, day: day)
        // 31 April would come out as 1 May.
        guard civil(days) == (year, month, day) else { return nil }
        return days * 86_400 + time
    }

    /// Of the Gregorian calendar extended to all years, counting years from March so that leap days come last.
    private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ daysSinceEpoch: Int) -> (year: Int, month: Int, day: Int) {
        let days = daysSinceEpoch + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private struct Scanner {
        private var rest: Substring.UTF8View

        init(_ text: String) { rest = Substring(text).utf8 }

        var isAtEnd: Bool { rest.isEmpty }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func letters() -> Substring {
            let word = rest.prefix { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A }
            rest = rest.dropFirst(word.count)
            return Substring(word)
        }

        mutating func digits(_ count: Int) -> Int? {
            let word = rest.prefix(count)
            guard word.count == count, let number = FieldSyntax.number(Substring(word), max: 9999) else { return nil }
            rest = rest.dropFirst(count)
            return number
        }

        /// `08:49:37`; a leap second's 60 is let in.
        mutating func time() -> Int? {
            guard let hour = digits(2), take(":"), let minute = digits(2), take(":"), let second = digits(2),
                hour < 24, minute < 60, second <= 60
            else { return nil }
            return hour * 3600 + minute * 60 + second
        }
    }
}
