/// A dictionary of RFC 9651 (structured fields), as far as cache directives go: parameters and inner lists are checked
/// and dropped.
struct StructuredDictionary {
    enum Value: Equatable {
        case integer(Int)
        case boolean(Bool)
        case string(String)
        case token(String)
        /// Decimals, byte sequences, dates, display strings and inner lists: valid, but no directive's argument.
        case other
    }

    /// In the order of their first mention; of a key mentioned twice the last value counts.
    private(set) var members: [(key: String, value: Value)] = []
    private var rest: Substring.UTF8View

    /// Nil when any of it does not parse.
    init?(_ lines: [String]) {
        let text = lines.joined(separator: ",")
        rest = FieldSyntax.trimmed(Substring(text)).utf8
        while !rest.isEmpty {
            guard let key = key() else { return nil }
            var value = Value.boolean(true)
            if take("=") {
                guard let item = item() else { return nil }
                value = item
            }
            guard parameters() else { return nil }
            members.removeAll { $0.key == key }
            members.append((key, value))
            skipBlanks()
            if rest.isEmpty { return }
            guard take(",") else { return nil }
            skipBlanks()
            if rest.isEmpty { return nil }
        }
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: byte) else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func skipBlanks() {
        while let byte = rest.first, FieldSyntax.isBlank(byte) { rest.removeFirst() }
    }

    private mutating func word(_ isPart: (UInt8) -> Bool) -> String {
        let part = rest.prefix(while: isPart)
        rest = rest.dropFirst(part.count)
        return String(Substring(part))
    }

    private static func isLower(_ byte: UInt8) -> Bool { byte >= 0x61 && byte <= 0x7A }
    private static func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) && byte < 0x80 }

    private mutating func key() -> String? {
        guard let first = rest.first, Self.isLower(first) || first == UInt8(ascii: "*") else { return nil }
        return word { Self.isLower($0) || FieldSyntax.isDigit($0) || "_-.*".utf8.contains($0) }
    }

    /// `;key=item` any number of times.
    private mutating func parameters() -> Bool {
        while take(";") {
            while take(" ") {}
            guard key() != nil else { return false }
            if take("="), item(lists: false) == nil { return false }
        }
        return true
    }

    private mutating func item(lists: Bool = true) -> Value? {
        guard let first = rest.first else { return nil }
        switch first {
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "?"): return boolean()
        case UInt8(ascii: ":"): return byteSequence()
        case UInt8(ascii: "("): return lists ? innerList() : nil
        case UInt8(ascii: "@"): return date()
        case UInt8(ascii: "-"), 0x30...0x39: return number()
        case UInt8(ascii: "*"): return token()
        default: return Self.isLetter(first) ? token() : nil
        }
    }

    private mutating func token() -> Value {
        .token(word { Self.isLetter($0) || FieldSyntax.isDigit($0) || "!#$%&'*+-.^_`|~:/".utf8.contains($0) })
    }

    private mutating func boolean() -> Value? {
        rest.removeFirst()
        return take("1") ? .boolean(true) : take("0") ? .boolean(false) : nil
    }

    private mutating func string() -> Value? {
        rest.removeFirst()
        var content: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return .string(String(decoding: content, as: UTF8.self))
            case UInt8(ascii: "\\"):
                guard let next = rest.popFirst(), next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") else {
                    return nil
                }
                content.append(next)
            case 0x20...0x7E: content.append(byte)
            default: return nil
            }
        }
        return nil
    }

    /// At most 15 digits; with a point at most 12 before and 3 behind it.
    private mutating func number() -> Value? {
        let isNegative = take("-")
        let whole = word(FieldSyntax.isDigit)
        guard !whole.isEmpty else { return nil }
        if take(".") {
            let fraction = word(FieldSyntax.isDigit)
            return whole.utf8.count <= 12 && (1...3).contains(fraction.utf8.count) ? .other : nil
        }
        guard whole.utf8.count <= 15, let value = FieldSyntax.number(whole, max: .max) else { return nil }
        return .integer(isNegative ? -value : value)
    }

    private mutating func date() -> Value? {
        rest.removeFirst()
        if case .integer? = number() { return .other }
        return nil
    }

    private mutating func byteSequence() -> Value? {
        rest.removeFirst()
        _ = word { Self.isLetter($0) || FieldSyntax.isDigit($0) || "+/=".utf8.contains($0) }
        return take(":") ? .other : nil
    }

    private mutating func innerList() -> Value? {
        rest.removeFirst()
        while true {
            while take(" ") {}
            if take(")") { return .other }
            guard item(lists: false) != nil, parameters() else { return nil }
            guard rest.first == UInt8(ascii: " ") || rest.first == UInt8(ascii: ")") else { return nil }
        }
    }
}
