/// Which addresses are taken for one household: one of IPv4, and, of IPv6, whose owners have 2^64 each, the same first 64 bits
/// (RFC 6177). Named so that it may stand in a token: 10-0-0-1, 2001_db8_0_1.
package enum AddressCircle {
    package static func name(of address: String) -> String {
        guard address.contains(":") else { return named(address) }
        // As the system writes it, `::` stands for the zeros that are missing.
        let halves = address.split(separator: "%", maxSplits: 1)[0].split(
            separator: ":", omittingEmptySubsequences: false)
        guard let gap = halves.dropFirst().dropLast().firstIndex(of: "") ?? (halves.first == "" ? 0 : nil) else {
            return halves.prefix(4).joined(separator: "_")
        }
        let before = halves[..<gap].filter { !$0.isEmpty }
        let after = halves[gap...].filter { !$0.isEmpty }
        // Mapped addresses are IPv4's.
        if let last = after.last, last.contains(".") { return named(last) }
        let zeros = [Substring](repeating: "0", count: max(0, 8 - before.count - after.count))
        return (before + zeros + after).prefix(4).joined(separator: "_")
    }

    private static func named(_ address: some StringProtocol) -> String {
        address.split(separator: ".", omittingEmptySubsequences: false).joined(separator: "-")
    }
}
