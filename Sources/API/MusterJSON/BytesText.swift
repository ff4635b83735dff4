/// Texts on the wire that need not be UTF-8: a string, or `{"base64":"…"}` where the bytes are none.
extension JSONValue {
    /// Nil for what is neither.
    package var textBytes: [UInt8]? {
        if let text = string { return Array(text.utf8) }
        guard let members, members.count == 1, members[0].key == "base64" else { return nil }
        return members[0].value.string.flatMap(Base64.decoded)
    }
}

extension JSONWriter {
    package mutating func text(_ bytes: [UInt8]) { text(bytes[...]) }

    package mutating func text(_ bytes: ArraySlice<UInt8>) {
        if bytes.allSatisfy(Self.isPlain) { return plainText(bytes) }
        if let text = String(validating: bytes, as: UTF8.self) { return value(text) }
        base64(bytes)
    }

    /// Stands for itself in a string.
    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x20..<0x7F).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// The same, in Base64 also where that is not longer: a string spells out some bytes by two or six.
    package mutating func shortText(_ bytes: [UInt8]) {
        let length = bytes.reduce(bytes.count + 2) { length, byte in
            switch byte {
            case 0x22, 0x5C, 0x09, 0x0A, 0x0D: length + 1
            case 0..<0x20, 0x7F: length + 5
            default: length
            }
        }
        if length < bytes.count / 3 * 4 { text(bytes) } else { base64(bytes[...]) }
    }

    private mutating func base64(_ bytes: ArraySlice<UInt8>) {
        beginObject()
        field("base64", Base64.encoded(bytes))
        endObject()
    }
}
