/// A `Cookie` field taken apart (RFC 6265, 4.2.1) by bytes, as every other reader does: in a text, what stands beside a semicolon may
/// make one character with it.
package enum CookiePairs {
    /// What stands between the semicolons, as it is, empty pieces left out.
    package static func split(_ line: String) -> [Substring] {
        line.utf8.split(separator: UInt8(ascii: ";")).map { Substring($0) }
    }

    /// Name and value of such a piece, the blanks before the name left out; nil where there is no `=`.
    package static func parts(_ pair: Substring) -> (name: Substring, value: Substring)? {
        let trimmed = pair.utf8.drop { $0 == 0x20 || $0 == 0x09 }
        guard let equals = trimmed.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        return (Substring(trimmed[..<equals]), Substring(trimmed[trimmed.index(after: equals)...]))
    }
}
