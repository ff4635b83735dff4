/// The few rules of RFC 9110 5.6 that field values are read by. All of it is ASCII: `String`'s own comparison follows
/// Unicode, by which different bytes can be equal, and equal keys of different bytes would mix up two resources.
enum FieldSyntax {
    /// Without the spaces and tabs at its ends.
    static func trimmed(_ text: Substring) -> Substring {
        var bytes = text.utf8
        while let first = bytes.first, isBlank(first) { bytes.removeFirst() }
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        return Substring(bytes)
    }

    /// What stands before the first of these bytes, which are ASCII; all of it where there is none.
    static func prefix(_ text: some StringProtocol, before ends: Unicode.Scalar...) -> Substring {
        let text = Substring(text)
        let end = text.utf8.firstIndex { byte in ends.contains { UInt8(ascii: $0) == byte } } ?? text.endIndex
        return text[..<end]
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    static func lowered(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    static func lowered(_ text: some StringProtocol) -> String {
        String(decoding: text.utf8.map(lowered), as: UTF8.self)
    }

    static func same(_ a: some StringProtocol, _ b: some StringProtocol) -> Bool {
        a.utf8.count == b.utf8.count && zip(a.utf8, b.utf8).allSatisfy { lowered($0) == lowered($1) }
    }

    /// The members of a comma-separated list, trimmed, empty ones left out. Commas in quoted strings separate nothing;
    /// a quote that is never closed is an ordinary character, so that it hides no member behind it.
    /// `escapes`: a backslash in quotes takes the next character literally (not so in entity tags).
    static func members(of value: some StringProtocol, escapes: Bool = true) -> [Substring] {
        let value = Substring(value)
        let bytes = value.utf8
        var found: [Substring] = []
        var start = bytes.startIndex
        var place = start
        func add(_ end: Substring.Index) {
            let member = trimmed(value[start..<end])
            if !member.isEmpty { found.append(member) }
        }
        while place < bytes.endIndex {
            let byte = bytes[place]
            if byte == UInt8(ascii: ",") {
                add(place)
                place = bytes.index(after: place)
                start = place
            } else if byte == UInt8(ascii: "\""), let close = closingQuote(value, after: place, escapes: escapes) {
                place = bytes.index(after: close)
            } else {
                place = bytes.index(after: place)
            }
        }
        add(bytes.endIndex)
        return found
    }

    /// A quoted string's content, its escapes resolved; what is not one complete quoted string as it stands.
    static func unquoted(_ text: Substring) -> String {
        let bytes = text.utf8
        guard bytes.count >= 2, bytes.first == UInt8(ascii: "\""),
            let close = closingQuote(text, after: bytes.startIndex, escapes: true),
            bytes.index(after: close) == bytes.endIndex
        else { return String(text) }
        var content: [UInt8] = []
        var escaped = false
        for byte in bytes[bytes.index(after: bytes.startIndex)..<close] {
            if byte == UInt8(ascii: "\\"), !escaped {
                escaped = true
            } else {
                content.append(byte)
                escaped = false
            }
        }
        return String(decoding: content, as: UTF8.self)
    }

    private static func closingQuote(_ text: Substring, after open: Substring.Index, escapes: Bool) -> Substring.Index?
    {
        let bytes = text.utf8
        var place = bytes.index(after: open)
        while place < bytes.endIndex {
            if bytes[place] == UInt8(ascii: "\"") { return place }
            if escapes, bytes[place] == UInt8(ascii: "\\") {
                place = bytes.index(after: place)
                if place == bytes.endIndex { return nil }
            }
            place = bytes.index(after: place)
        }
        return nil
    }

    /// Nothing but digits, at least one; a number above `max` is `max`.
    static func number(_ text: some StringProtocol, max: Int) -> Int? {
        var value = 0
        var any = false
        for byte in text.utf8 {
            guard isDigit(byte) else { return nil }
            any = true
            let (tens, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, overAgain) = tens.addingReportingOverflow(Int(byte - 0x30))
            value = over || overAgain ? max : Swift.min(sum, max)
        }
        return any ? value : nil
    }

    /// RFC 9111 1.2.2: seconds; what does not fit is 2^31.
    static func deltaSeconds(_ text: some StringProtocol) -> Int? { number(text, max: 1 << 31) }
}
