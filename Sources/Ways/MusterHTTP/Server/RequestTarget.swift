internal import HTTPText
package import MusterWire

/// A request target taken apart (RFC 3986): path segments and query, each unescaped by itself, so that an escaped slash
/// never becomes a separator.
package struct RequestTarget {
    package let path: [String]
    let query: [(name: String, value: String)]

    /// Of a target that is passed on as it is.
    static let opaque = RequestTarget(path: [], query: [])

    private init(path: [String], query: [(name: String, value: String)]) {
        (self.path, self.query) = (path, query)
    }

    package init(_ target: String) throws(Problem) {
        let raw = WireText.bytes(target)
        // RFC 9112, 3.2.2: a server takes the absolute form too.
        let start = Self.pathStart(raw)
        let question = raw.firstIndex(of: UInt8(ascii: "?")) ?? raw.endIndex
        var path: [String] = []
        for segment in raw[start..<max(start, question)].split(separator: UInt8(ascii: "/")) {
            path.append(try Self.unescaped(segment, plusIsSpace: false))
        }
        self.path = path
        var query: [(name: String, value: String)] = []
        for part in raw[question...].dropFirst().split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            query.append(
                (
                    try Self.unescaped(part[..<equals], plusIsSpace: true),
                    try Self.unescaped(part[equals...].dropFirst(), plusIsSpace: true)
                ))
        }
        self.query = query
    }

    private static func pathStart(_ raw: [UInt8]) -> Int {
        let text = String(decoding: raw.prefix(8), as: UTF8.self).lowercased()
        guard let scheme = ["http://", "https://"].first(where: { text.hasPrefix($0) }) else { return 0 }
        let authority = scheme.utf8.count
        return raw[authority...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? raw.endIndex
    }

    private static func unescaped(_ text: ArraySlice<UInt8>, plusIsSpace: Bool) throws(Problem) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var place = text.startIndex
        while place < text.endIndex {
            let byte = text[place]
            place += 1
            if byte == UInt8(ascii: "%") {
                guard place + 1 < text.endIndex, let high = hexDigit(text[place]), let low = hexDigit(text[place + 1])
                else { throw wrong(text, "a percent sign without two hex digits") }
                bytes.append(high << 4 | low)
                place += 2
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        guard let unescaped = String(validating: bytes, as: UTF8.self) else { throw wrong(text, "not UTF-8") }
        return unescaped
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func wrong(_ text: ArraySlice<UInt8>, _ why: String) -> Problem {
        Problem(400, "The request target holds \"\(String(decoding: text.prefix(80), as: UTF8.self))\": \(why).")
    }
}
