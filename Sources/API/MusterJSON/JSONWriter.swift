/// Writes JSON text front to back, without white space, commas by itself.
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    package init(reserving capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    package mutating func beginObject() { open(UInt8(ascii: "{")) }
    package mutating func endObject() { close(UInt8(ascii: "}")) }
    package mutating func beginArray() { open(UInt8(ascii: "[")) }
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    package mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func key(named name: String) {
        separate()
        appendString(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// A key as text that is made once and written often.
    package static func encoded(key name: String) -> [UInt8] {
        var json = JSONWriter(reserving: name.utf8.count + 3)
        json.key(named: name)
        return json.bytes
    }

    package mutating func key(encoded: [UInt8]) {
        separate()
        encoded.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        needsComma = false
    }

    package mutating func value(_ text: String) {
        separate()
        appendString(text)
        needsComma = true
    }
    /// A string of bytes that stand for themselves in it.
    mutating func plainText(_ text: ArraySlice<UInt8>) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: text)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }
    package mutating func value(_ flag: Bool) { raw(flag ? "true".utf8 : "false".utf8) }
    package mutating func null() { raw("null".utf8) }

    package mutating func value(_ number: Int) { append(number) }
    package mutating func value(_ number: Int64) { append(number) }
    package mutating func value(_ number: UInt64) { append(number) }

    /// Not a number and infinities, which JSON lacks, become null.
    package mutating func value(_ number: Double) {
        number.isFinite ? raw(number.description.utf8) : null()
    }

    /// Text that is one JSON value already.
    package mutating func raw(_ text: [UInt8]) { append(text) }
    package mutating func raw(_ text: ArraySlice<UInt8>) { append(text) }
    package mutating func raw(_ text: String.UTF8View) { append(text) }

    /// A whole array from a column of values.
    package mutating func array(lines: [UInt8]) {
        beginArray()
        var lines = lines
        if !lines.isEmpty {
            lines.removeLast()
            for place in lines.indices where lines[place] == 0x0A { lines[place] = UInt8(ascii: ",") }
        }
        bytes.append(contentsOf: lines)
        endArray()
    }

    package mutating func field(_ name: StaticString, _ text: String) {
        key(name)
        value(text)
    }
    package mutating func field(_ name: StaticString, _ number: Int) {
        key(name)
        value(number)
    }
    package mutating func field(_ name: StaticString, _ number: UInt64) {
        key(name)
        value(number)
    }
    package mutating func field(_ name: StaticString, _ number: Int64) {
        key(name)
        value(number)
    }
    package mutating func field(_ name: StaticString, _ number: Double) {
        key(name)
        value(number)
    }
    package mutating func field(_ name: StaticString, _ flag: Bool) {
        key(name)
        value(flag)
    }
    package mutating func field(_ name: StaticString, raw text: [UInt8]) {
        key(name)
        raw(text)
    }
    package mutating func field(_ name: StaticString, raw text: ArraySlice<UInt8>) {
        key(name)
        raw(text)
    }
    package mutating func field(_ name: StaticString, raw text: String.UTF8View) {
        key(name)
        raw(text)
    }

    package mutating func newline() {
        bytes.append(0x0A)
        needsComma = false
    }

    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    private mutating func separate() { if needsComma { bytes.append(UInt8(ascii: ",")) } }

    private mutating func open(_ byte: UInt8) {
        separate()
        bytes.append(byte)
        needsComma = false
    }

    private mutating func close(_ byte: UInt8) {
        bytes.append(byte)
        needsComma = true
    }

    // Generic in here alone, where the compiler makes a copy for each type: it does not for those who call from other rooms.
    private mutating func append(_ number: some FixedWidthInteger) {
        separate()
        if let small = UInt64(exactly: number), small < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(small))
        } else {
            bytes.append(contentsOf: String(number).utf8)
        }
        needsComma = true
    }

    private mutating func append(_ text: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: text)
        needsComma = true
    }

    private mutating func appendString(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: bytes.append(contentsOf: "\\n".utf8)
            case 0x0D: bytes.append(contentsOf: "\\r".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7F:
                let digits = Array("0123456789abcdef".utf8)
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
