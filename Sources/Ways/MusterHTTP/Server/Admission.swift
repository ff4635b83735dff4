internal import MusterWire

/// Who a connection comes from, as far as bounds go: an IPv4 address, or the first 64 bits of an IPv6 one, as a host of that has
/// all of the rest to choose from.
struct NetworkKey: Hashable, Sendable {
    let number: UInt64
}

/// Counts connections, in all and of each address. Above the bounds some are let in for long enough to be told so; beyond those
/// they are cut. So nobody waits for a place that does not come.
struct Admission {
    /// Let in above the bound of an address, and above that of all.
    static let surplusOfAddressMax = 64
    static let surplusMax = 256
    /// What is let in only to be told so may be idle for so long.
    static let surplusSeconds: UInt32 = 2

    let connectionsMax: Int
    let connectionsPerAddress: Int
    private(set) var count = 0
    private var byAddress: [NetworkKey: Int] = [:]

    init(connectionsMax: Int, connectionsPerAddress: Int) {
        (self.connectionsMax, self.connectionsPerAddress) = (connectionsMax, connectionsPerAddress)
    }

    /// Nil: one more may come in, be it only to be told that it may not stay. Else the bound that cuts it.
    func cut(_ key: NetworkKey) -> LimitName? {
        if byAddress[key, default: 0] >= connectionsPerAddress + Self.surplusOfAddressMax {
            return .connectionsPerAddress
        }
        return count < connectionsMax + Self.surplusMax ? nil : .connections
    }

    /// Counts one. Returns why it may not stay (503), nil if it may.
    mutating func arrived(_ key: NetworkKey) -> Problem? {
        count += 1
        byAddress[key, default: 0] += 1
        if byAddress[key, default: 0] > connectionsPerAddress {
            return Problem(
                503,
                "More than \(connectionsPerAddress) connections of your address are open (--connections-per-address).",
                retryAfter: 5, limit: .connectionsPerAddress)
        }
        return count > connectionsMax
            ? Problem(503, "More than \(connectionsMax) connections are open.", retryAfter: 5, limit: .connections)
            : nil
    }

    mutating func left(_ key: NetworkKey) {
        count -= 1
        let rest = byAddress[key, default: 1] - 1
        byAddress[key] = rest == 0 ? nil : rest
    }
}
