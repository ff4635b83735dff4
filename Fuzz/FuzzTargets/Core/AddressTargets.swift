internal import Glibc

@testable internal import MusterCore

extension FuzzTarget {
    static let addresses = [
        FuzzTarget("ip-address", readAddress),
        FuzzTarget("networks", readNetworks),
        FuzzTarget("authority", readAuthority),
        FuzzTarget("number-text", readNumber),
        FuzzTarget("quorum") { bytes in
            guard let quorum = Quorum(plainText(bytes)) else { return }
            try promise(Quorum("\(quorum)") == quorum, "\(quorum) is not read back")
            try promise(
                2 * quorum.needed > quorum.voters && quorum.voters <= Quorum.votersMax, "\(quorum) is out of bounds")
        },
    ]

    /// The C library takes the same texts for the same addresses.
    private static func readAddress(_ bytes: [UInt8]) throws {
        guard !bytes.contains(0) else { return }
        let text = plainText(bytes)
        let address = IPAddress(text)
        let family = text.utf8.contains(0x3A) ? AF_INET6 : AF_INET
        var known = [UInt8](repeating: 0, count: family == AF_INET6 ? 16 : 4)
        let expected = inet_pton(family, text, &known) == 1 ? IPAddress(bytes: known) : nil
        try promise(address == expected, "\(text) is \(address as Any), for inet_pton \(expected as Any)")
    }

    private static func readNetworks(_ bytes: [UInt8]) throws {
        guard let networks = try? CallbackNetworks(list: plainText(bytes)) else { return }
        for network in networks.networks {
            try promise((0...network.address.bytes.count * 8).contains(network.prefix), "a prefix of \(network.prefix)")
            try promise(network.contains(network.address), "a network without its own address")
            try promise(networks.allow(network.address) != network.address.isLinkOrMetadata, "metadata is let in")
        }
    }

    /// A host is an address or a name in small letters; nothing else of the text is in it.
    private static func readAuthority(_ bytes: [UInt8]) throws {
        let text = plainText(bytes)
        for authority in [Authority(text), Authority(url: text)].compactMap({ $0 }) {
            try promise((1...65_535).contains(authority.port ?? 1), "port \(authority.port as Any)")
            guard case .name(let name) = authority.host else { continue }
            let isPlain = name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || "-_.".utf8.contains($0)
            }
            try promise(isPlain && (1...Authority.nameBytesMax).contains(name.utf8.count), "the host \(name)")
            try promise(Authority(name)?.host == authority.host, "\(name) is not read back")
        }
    }

    /// A number is what the C library makes of it, and what JSON makes of what is written.
    private static func readNumber(_ bytes: [UInt8]) throws {
        let text = plainText(bytes)
        guard let json = NumberText.json(text) else {
            try promise(NumberText.double(text) == nil, "\(text) is a number after all")
            return
        }
        try promise(Double(json) == strtod(text, nil), "\(text) became \(json)")
        try promise(NumberText.json(json) == json, "\(json) is written as another number")
    }
}
