internal import Glibc
package import MusterCore

/// The private networks that this machine's interfaces are on, its own loopback among them: where members are called by default.
package func ownPrivateNetworks() -> CallbackNetworks {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return CallbackNetworks([]) }
    defer { freeifaddrs(first) }
    var networks: [IPNetwork] = ["127.0.0.0/8", "::1"].compactMap { IPNetwork($0) }
    var next = first
    while let entry = next {
        next = entry.pointee.ifa_next
        guard let address = ipAddress(entry.pointee.ifa_addr), let mask = maskBits(entry.pointee.ifa_netmask),
            address.isPrivate, let network = IPNetwork(address, prefix: min(mask, address.bytes.count * 8))
        else { continue }
        networks.append(network)
    }
    return CallbackNetworks(networks)
}

private func ipAddress(_ address: UnsafeMutablePointer<sockaddr>?) -> IPAddress? {
    bytes(of: address).flatMap { IPAddress(bytes: $0) }
}

/// How many ones a mask begins with.
private func maskBits(_ mask: UnsafeMutablePointer<sockaddr>?) -> Int? {
    bytes(of: mask).map { bytes in bytes.reduce(0) { $0 + $1.nonzeroBitCount } }
}

private func bytes(of address: UnsafeMutablePointer<sockaddr>?) -> [UInt8]? {
    guard let address else { return nil }
    let start = UnsafeRawPointer(address)
    switch CInt(address.pointee.sa_family) {
    case AF_INET:
        let number = start.loadUnaligned(as: sockaddr_in.self).sin_addr
        return withUnsafeBytes(of: number) { Array($0) }
    case AF_INET6:
        let number = start.loadUnaligned(as: sockaddr_in6.self).sin6_addr
        return withUnsafeBytes(of: number) { Array($0) }
    default: return nil
    }
}
