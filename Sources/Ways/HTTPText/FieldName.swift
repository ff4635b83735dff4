extension [(name: String, value: String)] {
    /// The first header of that name, whatever its case. Nil: there is none.
    package func first(named name: String) -> String? {
        first { isSameName($0.name, name) }?.value
    }
}

/// Header names are ASCII and their case means nothing (RFC 9110, 5.1).
package func isSameName(_ a: String, _ b: String) -> Bool {
    func lower(_ byte: UInt8) -> UInt8 { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte }
    return a.utf8.count == b.utf8.count && zip(a.utf8, b.utf8).allSatisfy { lower($0) == lower($1) }
}
