internal import HTTPText

/// What came from outside as it stands in an access log: visible ASCII without quotes, everything else as %XX, cut to a length, and
/// without what proves who somebody is.
package enum LoggedText {
    static let targetBytesMax = 2_048
    private static let wordBytesMax = 64

    /// A method, an address, a version: one word; `-` for none.
    static func word(_ text: String) -> String {
        let bytes = escaped(WireText.bytes(text), bytesMax: wordBytesMax)
        return bytes.isEmpty ? "-" : String(decoding: bytes, as: UTF8.self)
    }

    /// A request's target: values that are secrets are `***`.
    package static func target(_ text: String) -> String {
        let bytes = escaped(withoutSecrets(WireText.bytes(text)), bytesMax: targetBytesMax)
        return bytes.isEmpty ? "-" : String(decoding: bytes, as: UTF8.self)
    }

    private static func escaped(_ bytes: [UInt8], bytesMax: Int) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(min(bytes.count, bytesMax))
        for byte in bytes {
            let isPlain =
                byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
            guard out.count + (isPlain ? 1 : 3) <= bytesMax - 3 else { return out + Array("...".utf8) }
            if isPlain { out.append(byte) } else { out += [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)] }
        }
        return out
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }

    // MARK: Secrets

    private static let hidden = Array("***".utf8)
    private static let secretEndings = ["token", "secret", "password"]

    private static func withoutSecrets(_ target: [UInt8]) -> [UInt8] {
        let target = withoutUserInfo(target)
        guard let question = target.firstIndex(of: UInt8(ascii: "?")) else { return target }
        let path = unescaped(target[..<question]).split(separator: "/").last
        let parts = target[(question + 1)...].split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        let shown = parts.map { part -> [UInt8] in
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { return Array(part) }
            let name = unescaped(part[..<equals]).lowercased()
            // A link's code is good once, and lines are written when it may not be used up yet.
            let isSecret = secretEndings.contains { name.hasSuffix($0) } || (name == "code" && path == "sign-in")
            return isSecret ? part[...equals] + hidden : Array(part)
        }
        return Array(target[...question]) + Array(shown.joined(separator: [UInt8(ascii: "&")]))
    }

    /// `http://user:password@host/` keeps its host.
    private static func withoutUserInfo(_ target: [UInt8]) -> [UInt8] {
        guard target.first != UInt8(ascii: "/"), let colon = target.firstIndex(of: UInt8(ascii: ":")),
            target[colon...].starts(with: "://".utf8)
        else { return target }
        let start = colon + 3
        let end = target[start...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? target.endIndex
        guard let at = target[start..<end].lastIndex(of: UInt8(ascii: "@")) else { return target }
        return target[..<start] + hidden + target[at...]
    }

    /// As a server reads it; what is not escaped well stays as it is.
    private static func unescaped(_ text: ArraySlice<UInt8>) -> String {
        var bytes: [UInt8] = []
        var place = text.startIndex
        while place < text.endIndex {
            let pair = text[place...].dropFirst().prefix(2)
            if text[place] == UInt8(ascii: "%"), pair.count == 2,
                let byte = UInt8(String(decoding: pair, as: UTF8.self), radix: 16)
            {
                bytes.append(byte)
                place += 3
            } else {
                bytes.append(text[place])
                place += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
