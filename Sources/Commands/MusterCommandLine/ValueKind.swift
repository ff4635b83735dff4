internal import FoundationEssentials
internal import Glibc
internal import MusterCore

/// What a flag or a positional argument may hold, and how its text becomes a value.
package enum ValueKind: Hashable, Sendable {
    /// Any text of 1…`bytesMax` bytes without control characters, and not of blanks alone. Suggestions are offered by completion, not enforced.
    case text(bytesMax: Int, suggestions: [String])
    case int(ClosedRange<Int>)
    case double(ClosedRange<Double>)
    /// A span of time as a number of seconds; fractions allowed.
    case seconds(ClosedRange<Double>)
    /// A number of bytes, also as `512M` or `1.5GiB`: units of 1,024.
    case bytes(ClosedRange<Int>)
    case bool
    /// One of the words. Reserved ones are refused as not yet in this version.
    case choice([String], reserved: [String])
    case file
    case directory
    /// An `http` or `https` URL of a server: host, optional port and path; no user, query or fragment.
    case url
    /// `key=value`. The flag may be given many times; with `commaSeparated`, one text may also hold many.
    case pairs(commaSeparated: Bool)
    /// As `text`. The flag may be given many times.
    case texts(bytesMax: Int)
    /// IPv4 or IPv6 addresses, `localhost` for 127.0.0.1. The flag may be given many times, and one text may hold many.
    case addresses
    /// A token: 1…256 visible ASCII characters. Never repeated in a message.
    case secret

    /// Any text up to 4 KiB.
    package static let anyText = ValueKind.text(bytesMax: 4096, suggestions: [])
}

/// One `key=value` of a `pairs` flag. The key is not empty; the value may be.
package struct KeyValue: Hashable, Sendable {
    package var key: String
    package var value: String
    package init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }
}

/// A value after parsing.
package enum ArgumentValue: Hashable, Sendable {
    case text(String)
    case int(Int)
    case double(Double)
    case seconds(Duration)
    case bool(Bool)
    case pairs([KeyValue])
    case texts([String])
}

/// What a shell offers for a value.
package enum Completion: Hashable, Sendable {
    case none, files, directories
    case words([String])
}

extension ValueKind {
    package var completion: Completion {
        switch self {
        case .text(_, let suggestions): suggestions.isEmpty ? .none : .words(suggestions)
        case .choice(let words, _): .words(words)
        case .file: .files
        case .directory: .directories
        case .int, .double, .seconds, .bytes, .bool, .url, .pairs, .texts, .addresses, .secret: .none
        }
    }

    /// The values it takes, as a sentence for help; nil where the metavar says enough.
    var rangeText: String? {
        switch self {
        case .int, .double, .seconds, .bytes: expectation.prefix(1).uppercased() + expectation.dropFirst() + "."
        case .choice(let words, _): "One of: " + words.joined(separator: ", ") + "."
        case .pairs(let commaSeparated):
            commaSeparated ? "May be repeated, or hold several with commas between." : "May be repeated."
        case .texts: "May be repeated."
        case .addresses: "May be repeated, or hold several with commas between."
        case .text, .bool, .file, .directory, .url, .secret: nil
        }
    }

    /// What a good value is, to stand after "is not".
    var expectation: String {
        switch self {
        case .text(let bytesMax, _), .texts(let bytesMax):
            "a text of 1 to \(bytesMax) bytes, not of blanks alone, without control characters"
        case .int(let range):
            "a whole number from \(range.lowerBound)" + (range.upperBound == .max ? "" : " to \(range.upperBound)")
        case .double(let range):
            "a number from \(Format.shortest(range.lowerBound)) to \(Format.shortest(range.upperBound))"
        case .seconds(let range):
            "a number of seconds from \(Format.shortest(range.lowerBound)) to \(Format.shortest(range.upperBound))"
        case .bytes(let range):
            "a size from \(Format.bytes(range.lowerBound)) to \(Format.bytes(range.upperBound)), in bytes or such as 512M or 1.5G"
        case .bool: "true or false"
        case .choice(let words, _): "one of " + words.joined(separator: ", ")
        case .file, .directory: "a path"
        case .url: "a URL such as http://host:8080, without user, query or fragment"
        case .pairs(let commaSeparated): commaSeparated ? "a list such as key=value,key=value" : "key=value"
        case .addresses: "an IPv4 or IPv6 address, such as 127.0.0.1 or ::"
        case .secret: "a token of 1 to 256 visible ASCII characters"
        }
    }

    /// The value that the text stands for. Throws what is wrong with it, to stand after the flag's or argument's name.
    package func parse(_ text: String) throws(ValueError) -> ArgumentValue {
        guard let value = accept(text) else { throw refusal(of: text) }
        return value
    }

    private func accept(_ text: String) -> ArgumentValue? {
        switch self {
        case .text(let bytesMax, _): return isGood(text, bytesMax) ? .text(text) : nil
        case .texts(let bytesMax): return isGood(text, bytesMax) ? .texts([text]) : nil
        case .int(let range): return Int(text).flatMap { range.contains($0) ? .int($0) : nil }
        case .double(let range): return decimal(text, in: range).map { .double($0) }
        case .seconds(let range): return decimal(text, in: range).map { .seconds(.nanoseconds(Int64($0 * 1e9))) }
        case .bytes(let range): return bytes(text).flatMap { range.contains($0) ? .int($0) : nil }
        case .bool: return Self.truth[text.lowercased()].map { .bool($0) }
        case .choice(let words, _): return words.contains(text) ? .text(text) : nil
        case .file, .directory: return text.isEmpty ? nil : .text(text)
        case .url: return Self.serverURL(text).map { .text($0) }
        case .pairs(let commaSeparated): return pairs(text, commaSeparated).map { .pairs($0) }
        case .addresses:
            let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            return parts.allSatisfy(Self.isAddress) ? .texts(parts) : nil
        case .secret:
            return (1...256).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
                ? .text(text) : nil
        }
    }

    private func refusal(of text: String) -> ValueError {
        if case .secret = self { return ValueError("the value given is not \(expectation)") }
        if case .choice(let words, let reserved) = self {
            if reserved.contains(text) { return ValueError("\(CommandError.quoted(text)) is not yet in this version") }
            let near = nearest(to: text, in: words).map { "; did you mean \($0)?" } ?? ""
            return ValueError("\(CommandError.quoted(text)) is not \(expectation)\(near)")
        }
        return ValueError("\(CommandError.quoted(text)) is not \(expectation)")
    }

    private static let truth = [
        "1": true, "true": true, "yes": true, "on": true, "0": false, "false": false, "no": false, "off": false,
    ]

    private func isGood(_ text: String, _ bytesMax: Int) -> Bool {
        (1...bytesMax).contains(text.utf8.count) && !text.utf8.contains(where: isControl)
            && !text.allSatisfy(\.isWhitespace)
    }

    private func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }

    private func decimal(_ text: String, in range: ClosedRange<Double>) -> Double? {
        NumberText.double(text).flatMap { range.contains($0) ? $0 : nil }
    }

    private static let units = ["": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]

    /// With a unit it may have fractions; `B` and `iB` behind that say nothing more.
    private func bytes(_ text: String) -> Int? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        var unit = text.dropFirst(number.count).uppercased()
        for tail in ["IB", "B"] where unit.count > tail.count && unit.hasSuffix(tail) { unit.removeLast(tail.count) }
        guard let factor = Self.units[unit] else { return nil }
        if factor == 1 { return Int(number) }
        return NumberText.double(String(number)).flatMap { Int(exactly: ($0 * Double(factor)).rounded()) }
    }

    private func pairs(_ text: String, _ commaSeparated: Bool) -> [KeyValue]? {
        let parts = commaSeparated ? text.split(separator: ",", omittingEmptySubsequences: false) : [text[...]]
        var found: [KeyValue] = []
        for part in parts {
            guard let equals = part.firstIndex(of: "="), equals > part.startIndex else { return nil }
            found.append(KeyValue(String(part[..<equals]), String(part[part.index(after: equals)...])))
        }
        return found
    }

    private static func isAddress(_ text: String) -> Bool {
        var bytes = in6_addr()
        return text == "localhost" || inet_pton(AF_INET, text, &bytes) == 1 || inet_pton(AF_INET6, text, &bytes) == 1
    }

    /// The URL without slashes at its end, so that callers can append a path; nil if it does not name a server.
    package static func serverURL(_ text: String) -> String? {
        guard text.utf8.count <= 2048, let url = URL(string: text, encodingInvalidCharacters: false),
            let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https",
            let host = url.host(), !host.isEmpty, url.port.map({ (1...65535).contains($0) }) ?? true,
            url.user() == nil, url.password() == nil, url.query() == nil, url.fragment() == nil
        else { return nil }
        var trimmed = text[...]
        while trimmed.last == "/" { trimmed.removeLast() }
        return String(trimmed)
    }
}

/// What is wrong with a value, without the name of the flag that it was given to.
package struct ValueError: Error, Hashable, Sendable {
    package var reason: String
    init(_ reason: String) { self.reason = reason }
}
