/// An IPv4 or IPv6 address, as numbers. An IPv4 address inside an IPv6 one (`::ffff:1.2.3.4`) is the former.
package struct IPAddress: Hashable, Sendable {
    /// 4 or 16, most significant first.
    package let bytes: [UInt8]

    /// Nil for any other count of bytes.
    package init?(bytes: [UInt8]) {
        switch bytes.count {
        case 4: self.bytes = bytes
        case 16:
            let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
            self.bytes = isMapped ? Array(bytes[12...]) : bytes
        default: return nil
        }
    }

    /// Four decimal numbers without leading zeros, or what RFC 4291 (2.2) writes, without a zone. Nil for anything else: shorthands
    /// such as `127.1`, which some readers take for addresses, are none here.
    package init?(_ text: some StringProtocol) {
        guard let bytes = text.utf8.contains(UInt8(ascii: ":")) ? Self.sixteen(text) : Self.four(text) else {
            return nil
        }
        self.init(bytes: bytes)
    }

    private static func four(_ text: some StringProtocol) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), part.utf8.count == 1 || part.first != "0",
                let byte = UInt8(part)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private static func sixteen(_ text: some StringProtocol) -> [UInt8]? {
        // At most one `::`, which stands for as many zeros as are missing.
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { String($0) }
        var (front, back, isCut) = ([UInt8](), [UInt8](), false)
        for (place, part) in parts.enumerated() {
            if part.isEmpty {
                let isEdge = place == 0 || place == parts.count - 1
                if isEdge {
                    // `::…` and `…::` begin and end with two colons, never with one.
                    let neighbour = place == 0 ? 1 : place - 1
                    guard parts.count > 2, parts[neighbour].isEmpty else { return nil }
                    continue
                }
                guard !isCut else { return nil }
                isCut = true
                continue
            }
            guard let more = place == parts.count - 1 && part.contains(".") ? four(part) : two(part) else { return nil }
            if isCut { back += more } else { front += more }
        }
        let count = front.count + back.count
        guard isCut ? count <= 14 : count == 16 else { return nil }
        return front + [UInt8](repeating: 0, count: 16 - count) + back
    }

    private static func two(_ group: String) -> [UInt8]? {
        guard (1...4).contains(group.utf8.count), group.utf8.allSatisfy(isHexDigit),
            let value = UInt16(group, radix: 16)
        else { return nil }
        return [UInt8(value >> 8), UInt8(value & 0xFF)]
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }

    /// 127.0.0.0/8 and ::1.
    package var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
    }

    /// Of nobody's outside: loopback, 10/8, 172.16/12, 192.168/16 (RFC 1918), 100.64/10 (RFC 6598), fc00::/7 (RFC 4193).
    package var isPrivate: Bool {
        if isLoopback { return true }
        guard bytes.count == 4 else { return bytes[0] & 0xFE == 0xFC }
        return switch (bytes[0], bytes[1]) {
        case (10, _), (172, 16...31), (192, 168), (100, 64...127): true
        default: false
        }
    }

    /// Where clouds tell a machine its secrets, and other addresses that only their own link knows: 169.254/16, fe80::/10, and
    /// those of single clouds. Nothing that a stranger names is looked for there.
    package var isLinkOrMetadata: Bool {
        guard bytes.count == 4 else {
            let isMetadata = bytes[..<6] == [0xFD, 0x00, 0x0E, 0xC2, 0, 0] && bytes[14] == 0x02 && bytes[15] == 0x54
            return isMetadata || (bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80)
        }
        return bytes[..<2] == [169, 254] || bytes == [100, 100, 100, 200] || bytes == [192, 0, 0, 192]
    }
}
