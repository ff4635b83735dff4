/// Addresses that begin alike: `10.0.0.0/8`, `fd00::/8`; an address alone is itself.
package struct IPNetwork: Hashable, Sendable {
    package let address: IPAddress
    /// How many bits they have in common, 0…32 or 0…128.
    package let prefix: Int

    /// Bits beyond the prefix count for nothing. Nil where the prefix is longer than the address.
    package init?(_ address: IPAddress, prefix: Int) {
        guard (0...address.bytes.count * 8).contains(prefix) else { return nil }
        (self.address, self.prefix) = (address, prefix)
    }

    /// As it is written in a flag. Nil for what is none.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { return nil }
        guard parts.count == 2 else {
            self.init(address, prefix: address.bytes.count * 8)
            return
        }
        guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let prefix = Int(parts[1]) else { return nil }
        self.init(address, prefix: prefix)
    }

    package func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        var rest = prefix
        for (own, others) in zip(address.bytes, other.bytes) {
            guard rest > 0 else { return true }
            let mask: UInt8 = rest >= 8 ? 0xFF : ~(0xFF >> UInt8(rest))
            guard own & mask == others & mask else { return false }
            rest -= 8
        }
        return true
    }
}

/// Where a coordinator may call members that gave it an address of theirs.
package struct CallbackNetworks: Hashable, Sendable {
    /// What the operator listed, or found on this machine.
    package var networks: [IPNetwork]

    package init(_ networks: [IPNetwork]) { self.networks = networks }

    /// Never where clouds keep a machine's secrets, whatever is listed.
    package func allow(_ address: IPAddress) -> Bool {
        !address.isLinkOrMetadata && networks.contains { $0.contains(address) }
    }

    /// Of a list with commas between. Throws the first part that is none.
    package init(list: String) throws(NotANetwork) {
        networks = []
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            guard let network = IPNetwork(part) else { throw NotANetwork(text: String(part)) }
            networks.append(network)
        }
    }

    /// A part of a list that is no network.
    package struct NotANetwork: Error, Hashable, Sendable {
        package let text: String
    }
}
