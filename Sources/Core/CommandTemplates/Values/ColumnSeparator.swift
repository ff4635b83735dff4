/// What cuts a value into columns: `--colsep`.
///
/// A text, where GNU parallel has a regular expression: `,`, `\t`, `\n`, `\0`, `\\`, `\x1f`, or any sign behind a backslash; and `\s+`
/// for any number of spaces and tabs. What only a regular expression could mean is refused, rather than never found.
package enum ColumnSeparator: Hashable, Sendable {
    case bytes([UInt8])
    /// One or more spaces and tabs.
    case blanks

    package init(parsing text: String) throws(ValueError) {
        func refuse(_ reason: String) -> ValueError { .separator(text: shown(text.utf8), reason) }
        if text.isEmpty { throw refuse("it is empty") }
        if text == "\\s+" {
            self = .blanks
            return
        }
        var found: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), text.utf8.count > 1 {
                guard let next = rest.popFirst(), let meant = Self.escaped(next, &rest) else {
                    throw refuse("behind a backslash stand t, n, 0, xHH, a sign, or s+ alone")
                }
                found.append(meant)
            } else if text.utf8.count > 1, "[](){}*+?|^$".utf8.contains(byte) {
                throw refuse("it is a text, no regular expression; \\\(Unicode.Scalar(byte)) is the sign itself")
            } else {
                found.append(byte)
            }
        }
        self = .bytes(found)
    }

    /// The columns of a value: one at least, which may be empty.
    package func columns(of value: [UInt8]) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var start = 0
        while let match = nextMatch(in: value, from: start) {
            found.append(Array(value[start..<match.lowerBound]))
            start = match.upperBound
        }
        found.append(Array(value[start...]))
        return found
    }

    private func nextMatch(in value: [UInt8], from start: Int) -> Range<Int>? {
        switch self {
        case .blanks:
            guard let first = value[start...].firstIndex(where: Self.isBlank) else { return nil }
            let end = value[first...].firstIndex { !Self.isBlank($0) } ?? value.count
            return first..<end
        case .bytes(let separator):
            var place = start
            while place + separator.count <= value.count {
                guard let first = value[place...].firstIndex(of: separator[0]) else { return nil }
                if value[first...].starts(with: separator) { return first..<first + separator.count }
                place = first + 1
            }
            return nil
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func escaped(_ byte: UInt8, _ rest: inout ArraySlice<UInt8>) -> UInt8? {
        switch byte {
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "0"): return 0
        case UInt8(ascii: "x"):
            let digits = rest.prefix(2)
            let isHex = digits.count == 2 && digits.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
            guard isHex, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else { return nil }
            rest = rest.dropFirst(2)
            return value
        default: return isNameByte(byte) ? nil : byte
        }
    }
}
