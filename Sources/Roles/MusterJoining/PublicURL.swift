/// Where a stranger reached this server, as it says itself.
package enum PublicURL {
    static let authorityBytesMax = 255

    /// Of a `Host` field. Nil for what is no `host` or `host:port` (RFC 9110, 7.2): it goes into a script, so that nothing but
    /// letters, digits and what stands in addresses is let through.
    package static func of(host field: String?, isTLS: Bool) -> String? {
        guard let field, !field.isEmpty, field.utf8.count <= authorityBytesMax, isAuthority(Substring(field)) else {
            return nil
        }
        return (isTLS ? "https://" : "http://") + field
    }

    private static func isAuthority(_ text: Substring) -> Bool {
        var rest = text
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return false }
            let inside = rest[rest.index(after: rest.startIndex)..<end]
            guard !inside.isEmpty, inside.utf8.allSatisfy({ isDigit($0, hex: true) || $0 == 0x3A || $0 == 0x2E }) else {
                return false
            }
            rest = rest[rest.index(after: end)...]
        } else {
            let name = rest.prefix { $0 != ":" }
            guard let first = name.utf8.first, isNameByte(first), first != 0x2D, name.utf8.allSatisfy(isNameByte) else {
                return false
            }
            rest = rest.dropFirst(name.count)
        }
        if rest.isEmpty { return true }
        let port = rest.dropFirst()
        return rest.first == ":" && (1...5).contains(port.utf8.count) && port.utf8.allSatisfy { isDigit($0) }
    }

    private static func isDigit(_ byte: UInt8, hex: Bool = false) -> Bool {
        switch byte {
        case 0x30...0x39: true
        case 0x41...0x46, 0x61...0x66: hex
        default: false
        }
    }

    /// Letters, digits, `-`, `.`, `_`.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }
}
