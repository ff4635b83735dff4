/// A whole response: status, headers and body. Trailers are read and dropped.
package struct HTTPClientResponse: Sendable {
    /// 200 to 999: interim responses (1xx) are passed over.
    package let status: Int
    /// As sent, in the order of arrival, names in the sender's spelling.
    package let headers: [(name: String, value: String)]
    package let body: [UInt8]

    /// The first header of that name, whatever its case. Nil: there is none.
    package func header(_ name: String) -> String? { headers.first(named: name) }
}

extension [(name: String, value: String)] {
    func first(named name: String) -> String? {
        first { isSameName($0.name, name) }?.value
    }
}

/// Header names are ASCII and their case means nothing (RFC 9110, 5.1).
func isSameName(_ a: String, _ b: String) -> Bool {
    func lower(_ byte: UInt8) -> UInt8 { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte }
    return a.utf8.count == b.utf8.count && zip(a.utf8, b.utf8).allSatisfy { lower($0) == lower($1) }
}
