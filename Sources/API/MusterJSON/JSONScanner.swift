internal import MusterCore

/// What is wrong with a JSON text, and where.
package struct JSONError: Error, Hashable, Sendable {
    package var message: String
    /// Bytes from the start of the text.
    package var offset: Int
}

/// Walks over JSON text (RFC 8259, strictly; nesting bounded) without building anything, so that values can be passed on
/// as the bytes they came in. Strings must be well-formed: no lone surrogates. The whole text is checked for UTF-8 first.
struct JSONScanner {
    let text: UnsafeBufferPointer<UInt8>
    var position = 0
    /// Set when white space was skipped since it was last cleared.
    var sawSpace = false

    init(_ text: UnsafeBufferPointer<UInt8>) { self.text = text }

    static func requireUTF8(_ bytes: [UInt8]) throws(JSONError) {
        do {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw JSONError(message: "not UTF-8", offset: error.byteOffsets.lowerBound)
        }
    }

    func failure(_ message: String) -> JSONError { JSONError(message: message, offset: position) }

    var current: UInt8? { position < text.count ? text[position] : nil }

    mutating func skipSpace() {
        while position < text.count {
            switch text[position] {
            case 0x20, 0x0A, 0x0D, 0x09:
                position += 1
                sawSpace = true
            default: return
            }
        }
    }

    mutating func expect(_ byte: UInt8, _ what: String) throws(JSONError) {
        guard current == byte else { throw failure("expected \(what)") }
        position += 1
    }

    /// Requires that nothing but white space is left.
    mutating func expectEnd() throws(JSONError) {
        skipSpace()
        if position < text.count { throw failure("more text after the value") }
    }

    /// Moves over one value. `depth` counts the containers around it.
    mutating func skipValue(depth: Int = 0) throws(JSONError) {
        switch current {
        case UInt8(ascii: "{"): try skipObject(depth: depth + 1)
        case UInt8(ascii: "["): try skipArray(depth: depth + 1)
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "t"): try skipWord("true")
        case UInt8(ascii: "f"): try skipWord("false")
        case UInt8(ascii: "n"): try skipWord("null")
        case nil: throw failure("the text ends where a value should be")
        default: try skipNumber()
        }
    }

    private func checkDepth(_ depth: Int) throws(JSONError) {
        if depth > Limits.jsonDepthMax { throw failure("nested deeper than \(Limits.jsonDepthMax)") }
    }

    private mutating func skipObject(depth: Int) throws(JSONError) {
        try checkDepth(depth)
        position += 1
        skipSpace()
        if current == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            try skipString()
            skipSpace()
            try expect(UInt8(ascii: ":"), "':' after a key")
            skipSpace()
            try skipValue(depth: depth)
            skipSpace()
            if current == UInt8(ascii: "}") {
                position += 1
                return
            }
            try expect(UInt8(ascii: ","), "',' or '}' in an object")
            skipSpace()
        }
    }

    private mutating func skipArray(depth: Int) throws(JSONError) {
        try checkDepth(depth)
        position += 1
        skipSpace()
        if current == UInt8(ascii: "]") {
            position += 1
            return
        }
        while true {
            try skipValue(depth: depth)
            skipSpace()
            if current == UInt8(ascii: "]") {
                position += 1
                return
            }
            try expect(UInt8(ascii: ","), "',' or ']' in an array")
            skipSpace()
        }
    }

    private mutating func skipWord(_ word: StaticString) throws(JSONError) {
        let count = word.utf8CodeUnitCount
        guard position + count <= text.count,
            UnsafeBufferPointer(start: word.utf8Start, count: count).elementsEqual(text[position..<position + count])
        else { throw failure("not a JSON value") }
        position += count
    }

    mutating func skipString() throws(JSONError) {
        try expect(UInt8(ascii: "\""), "a string")
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "\""):
                position += 1
                return
            case UInt8(ascii: "\\"): try skipEscape()
            case 0..<0x20: throw failure("a control character in a string")
            default: position += 1
            }
        }
        throw failure("a string without an end")
    }

    private mutating func skipEscape() throws(JSONError) {
        position += 1
        switch current {
        case UInt8(ascii: "u"):
            position += 1
            let unit = try hexUnit()
            if (0xDC00...0xDFFF).contains(unit) { throw failure("a lone surrogate") }
            guard (0xD800...0xDBFF).contains(unit) else { return }
            guard current == UInt8(ascii: "\\") else { throw failure("a lone surrogate") }
            position += 1
            guard current == UInt8(ascii: "u") else { throw failure("a lone surrogate") }
            position += 1
            guard (0xDC00...0xDFFF).contains(try hexUnit()) else { throw failure("a lone surrogate") }
        case .some(let byte) where "\"\\/bfnrt".utf8.contains(byte): position += 1
        default: throw failure("an unknown escape")
        }
    }

    mutating func hexUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = current.flatMap(Self.hexDigit) else { throw failure("four hex digits must follow \\u") }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private mutating func skipNumber() throws(JSONError) {
        if current == UInt8(ascii: "-") { position += 1 }
        if current == UInt8(ascii: "0") {
            position += 1
        } else if try skipDigits() == 0 {
            throw failure("not a JSON value")
        }
        if current == UInt8(ascii: ".") {
            position += 1
            if try skipDigits() == 0 { throw failure("digits must follow the decimal point") }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            if try skipDigits() == 0 { throw failure("digits must follow the exponent's sign") }
        }
    }

    private mutating func skipDigits() throws(JSONError) -> Int {
        let start = position
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }
}
