/// Numbers as people write them: one reading for command lines, queries and forms.
package enum NumberText {
    /// The number as JSON writes it, with the same value; nil for what is no decimal number.
    ///
    /// A sign may stand first, `+` too; digits may be missing before the point or behind it, but not both; an exponent may
    /// follow. Hexadecimal, `inf` and `nan`, which Swift's own parser takes, are no numbers here.
    package static func json(_ text: String) -> String? {
        var rest = Array(text.utf8)[...]
        let sign = rest.first.flatMap { "+-".utf8.contains($0) ? $0 : nil }
        if sign != nil { rest.removeFirst() }
        let whole = digits(&rest)
        var fraction: [UInt8] = []
        let hasPoint = rest.first == UInt8(ascii: ".")
        if hasPoint {
            rest.removeFirst()
            fraction = digits(&rest)
        }
        guard !whole.isEmpty || !fraction.isEmpty, let exponent = exponent(&rest), rest.isEmpty else { return nil }
        let significant = whole.drop { $0 == UInt8(ascii: "0") }
        var json = sign == UInt8(ascii: "-") ? "-" : ""
        json += significant.isEmpty ? "0" : String(decoding: significant, as: UTF8.self)
        if !fraction.isEmpty { json += "." + String(decoding: fraction, as: UTF8.self) }
        return json + exponent
    }

    /// Nil for what is no decimal number, and for what is too large for a double.
    package static func double(_ text: String) -> Double? {
        json(text).flatMap { Double($0) }.flatMap { $0.isFinite ? $0 : nil }
    }

    private static func digits(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        let found = rest.prefix { (0x30...0x39).contains($0) }
        rest = rest.dropFirst(found.count)
        return Array(found)
    }

    /// Nothing, or an exponent with its letter; nil for a letter without digits.
    private static func exponent(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard let letter = rest.first, "eE".utf8.contains(letter) else { return "" }
        rest.removeFirst()
        let sign = rest.first.flatMap { "+-".utf8.contains($0) ? $0 : nil }
        if sign != nil { rest.removeFirst() }
        let found = digits(&rest)
        if found.isEmpty { return nil }
        return "e" + (sign == UInt8(ascii: "-") ? "-" : "") + String(decoding: found, as: UTF8.self)
    }
}
