package import MusterCore

/// One JSON value as its bytes, checked and without white space between its parts: it may be passed on, stored and
/// compared as it is, and holds no raw newline.
package struct JSONValue: Hashable, Sendable {
    package enum Kind: String, Sendable { case null, boolean, number, string, array, object }

    package let bytes: ArraySlice<UInt8>

    init(checked bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// Throws `JSONError` for what is not exactly one JSON value.
    package init(parsing text: [UInt8]) throws(JSONError) {
        try JSONScanner.requireUTF8(text)
        bytes = try Self.scan(text)
    }

    /// A line of a `LineColumn`, which was checked when it came in.
    package init(line: ArraySlice<UInt8>) { bytes = line }

    private static func scan(_ text: [UInt8]) throws(JSONError) -> ArraySlice<UInt8> {
        let found: Result<(Range<Int>, Bool), JSONError> = text.withUnsafeBufferPointer { buffer in
            var scanner = JSONScanner(buffer)
            do throws(JSONError) {
                scanner.skipSpace()
                let start = scanner.position
                scanner.sawSpace = false
                try scanner.skipValue()
                let range = start..<scanner.position
                let hadSpace = scanner.sawSpace
                try scanner.expectEnd()
                return .success((range, hadSpace))
            } catch {
                return .failure(error)
            }
        }
        let (range, hadSpace) = try found.get()
        return hadSpace ? compacted(text[range])[...] : text[range]
    }

    /// A valid value without its white space.
    private static func compacted(_ value: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(value.count)
        var inString = false
        var escaped = false
        for byte in value {
            if inString {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
            } else if byte == UInt8(ascii: "\"") {
                inString = true
            } else if byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
                continue
            }
            out.append(byte)
        }
        return out
    }

    package var text: String { String(decoding: bytes, as: UTF8.self) }

    package var kind: Kind {
        switch bytes.first! {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .boolean
        case UInt8(ascii: "n"): .null
        default: .number
        }
    }

    package var isNull: Bool { kind == .null }

    package var bool: Bool? { kind == .boolean ? bytes.first == UInt8(ascii: "t") : nil }

    /// Nil for what is not a number, or not finite as a double.
    package var double: Double? {
        guard kind == .number, let value = Double(text), value.isFinite else { return nil }
        return value
    }

    /// Nil for what is not a whole number, or does not fit. `5.0` and `5e0` are whole; `"5"` and `5.5` are not.
    package var int: Int? {
        guard kind == .number else { return nil }
        if let value = Int(text) { return value }
        guard let value = double, abs(value) <= 9_007_199_254_740_992 else { return nil }
        return Int(exactly: value)
    }

    /// The decoded text of a string; nil for other kinds.
    package var string: String? {
        guard kind == .string else { return nil }
        let inner = bytes.dropFirst().dropLast()
        guard inner.contains(UInt8(ascii: "\\")) else { return String(decoding: inner, as: UTF8.self) }
        return Self.unescaped(inner)
    }

    private static func unescaped(_ inner: ArraySlice<UInt8>) -> String {
        Array(inner).withUnsafeBufferPointer { buffer in
            var scanner = JSONScanner(buffer)
            var out: [UInt8] = []
            out.reserveCapacity(buffer.count)
            while let byte = scanner.current {
                scanner.position += 1
                guard byte == UInt8(ascii: "\\") else {
                    out.append(byte)
                    continue
                }
                let escape = scanner.current!
                scanner.position += 1
                switch escape {
                case UInt8(ascii: "n"): out.append(0x0A)
                case UInt8(ascii: "t"): out.append(0x09)
                case UInt8(ascii: "r"): out.append(0x0D)
                case UInt8(ascii: "b"): out.append(0x08)
                case UInt8(ascii: "f"): out.append(0x0C)
                case UInt8(ascii: "u"): appendUnicode(&scanner, &out)
                default: out.append(escape)
                }
            }
            return String(decoding: out, as: UTF8.self)
        }
    }

    private static func appendUnicode(_ scanner: inout JSONScanner, _ out: inout [UInt8]) {
        // The text was checked, so pairs are whole.
        guard let first = try? scanner.hexUnit() else { return }
        var units = [first]
        if (0xD800...0xDBFF).contains(first) {
            scanner.position += 2
            if let second = try? scanner.hexUnit() { units.append(second) }
        }
        out.append(contentsOf: String(decoding: units, as: UTF16.self).utf8)
    }

    /// The elements of an array, in order; nil for other kinds.
    package var elements: [JSONValue]? {
        guard kind == .array else { return nil }
        var found: [JSONValue] = []
        let base = bytes.startIndex
        walkArray { found.append(JSONValue(checked: bytes[base + $0.lowerBound..<base + $0.upperBound])) }
        return found
    }

    /// The elements of an array as lines; nil for other kinds.
    package var column: LineColumn? {
        guard kind == .array else { return nil }
        var lines = LineColumn()
        lines.reserve(bytes: bytes.count)
        bytes.withUnsafeBufferPointer { buffer in
            walkArray { lines.append(line: UnsafeBufferPointer(rebasing: buffer[$0])) }
        }
        return lines
    }

    /// The members of an object, in order, doubled keys included; nil for other kinds.
    package var members: [(key: String, value: JSONValue)]? {
        guard kind == .object else { return nil }
        var found: [(key: String, value: JSONValue)] = []
        let base = bytes.startIndex
        func part(_ range: Range<Int>) -> JSONValue {
            JSONValue(checked: bytes[base + range.lowerBound..<base + range.upperBound])
        }
        bytes.withUnsafeBufferPointer { buffer in
            var scanner = JSONScanner(buffer)
            scanner.position = 1
            while scanner.current != UInt8(ascii: "}") {
                let start = scanner.position
                // The value was checked when it was made, so scanning cannot fail.
                guard (try? scanner.skipString()) != nil else { return }
                let key = part(start..<scanner.position).string!
                scanner.position += 1
                let from = scanner.position
                guard (try? scanner.skipValue()) != nil else { return }
                found.append((key, part(from..<scanner.position)))
                if scanner.current == UInt8(ascii: ",") { scanner.position += 1 }
            }
        }
        return found
    }

    /// Calls with the range of each element, counted from the array's own start.
    private func walkArray(_ visit: (Range<Int>) -> Void) {
        bytes.withUnsafeBufferPointer { buffer in
            var scanner = JSONScanner(buffer)
            scanner.position = 1
            while scanner.current != UInt8(ascii: "]") {
                let start = scanner.position
                guard (try? scanner.skipValue()) != nil else { return }
                visit(start..<scanner.position)
                if scanner.current == UInt8(ascii: ",") { scanner.position += 1 }
            }
        }
    }
}
