internal import Glibc
internal import Synchronization

/// Levels in growing weight; `--log-level` names the lowest one that is printed.
package enum LogLevel: String, CaseIterable, Comparable, Sendable {
    case debug, info, notice, warning, error
    private var weight: Int { LogLevel.allCases.firstIndex(of: self)! }
    package static func < (a: LogLevel, b: LogLevel) -> Bool { a.weight < b.weight }
}

package enum LogFormat: String, CaseIterable, Sendable { case text, json }

/// The process's log: one line a record on stderr, written whole. Values are data: characters that are not seen are replaced, and
/// what would not read as one value is quoted.
package enum Log {
    private struct Settings {
        var level = LogLevel.info
        var format = LogFormat.text
        var descriptor = STDERR_FILENO
    }
    private static let settings = Mutex(Settings())

    /// The descriptor, which stays the caller's, is standard error unless another is given.
    package static func configure(level: LogLevel, format: LogFormat, descriptor: Int32 = STDERR_FILENO) {
        settings.withLock { $0 = Settings(level: level, format: format, descriptor: descriptor) }
    }

    package static func debug(_ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]) {
        write(.debug, message, fields)
    }
    package static func info(_ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]) {
        write(.info, message, fields)
    }
    package static func notice(_ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]) {
        write(.notice, message, fields)
    }
    package static func warning(_ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]) {
        write(.warning, message, fields)
    }
    package static func error(_ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]) {
        write(.error, message, fields)
    }

    private static func write(
        _ level: LogLevel, _ message: () -> String, _ fields: KeyValuePairs<String, String>
    ) {
        let now = settings.withLock { $0 }
        guard level >= now.level else { return }
        var line: String
        switch now.format {
        case .text:
            line = "\(timestamp()) \(level.rawValue) \(printable(message()))"
            for (key, value) in fields { line += " \(key)=\(quotedWhereNeeded(value))" }
        case .json:
            line = "{\"time\":\"\(timestamp())\",\"level\":\"\(level.rawValue)\",\"message\":\"\(escaped(message()))\""
            for (key, value) in fields { line += ",\"\(escaped(key))\":\"\(escaped(value))\"" }
            line += "}"
        }
        line += "\n"
        var bytes = Array(line.utf8)
        // One write call for one record: lines of several processes on one pipe do not mix.
        _ = bytes.withUnsafeMutableBytes { Glibc.write(now.descriptor, $0.baseAddress, $0.count) }
    }

    /// What came from outside, safe to print: what is not seen itself, or changes how its neighbours are seen, becomes `?`.
    /// That is control characters (C0, DEL, C1), separators of lines and paragraphs, and what turns the direction of
    /// writing or has no width (Unicode: Cf, Default_Ignorable_Code_Point).
    package static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isHidden) else { return text }
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { clean.append(isHidden(scalar) ? "?" : scalar) }
        return String(clean)
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
        let properties = scalar.properties
        return switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: properties.isDefaultIgnorableCodePoint
        }
    }

    /// A value as it stands in a line of text: one that is empty, or holds what could be taken for its end, in double quotes.
    private static func quotedWhereNeeded(_ value: String) -> String {
        let isPlain =
            !value.isEmpty && !value.unicodeScalars.contains { $0 == " " || $0 == "\"" || $0 == "=" || $0 == "\\" }
        return isPlain ? printable(value) : "\"\(escaped(value))\""
    }

    private static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in printable(text).unicodeScalars {
            if scalar == "\"" || scalar == "\\" { out.unicodeScalars.append("\\") }
            out.unicodeScalars.append(scalar)
        }
        return out
    }

    /// UTC, RFC 3339, milliseconds.
    private static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func two(_ n: Int32) -> String { n < 10 ? "0\(n)" : "\(n)" }
        let ms = Int(now.tv_nsec / 1_000_000)
        let fraction = ms < 10 ? "00\(ms)" : ms < 100 ? "0\(ms)" : "\(ms)"
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
            + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(fraction)Z"
    }
}
