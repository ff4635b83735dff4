internal import Glibc

/// An address of this machine that others can use, where a server listens on all of them: the one by which it would leave for
/// elsewhere, else the first that is not its loopback, IPv4 before IPv6. Nil on a machine with no network.
func ownAddress() -> String? { addressTowardsElsewhere() ?? firstInterfaceAddress() }

/// Connecting a datagram socket sends nothing; the system only chooses its own end. 198.51.100.1 is nobody's (RFC 5737).
private func addressTowardsElsewhere() -> String? {
    let descriptor = socket(AF_INET, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var far = sockaddr_in()
    far.sin_family = sa_family_t(AF_INET)
    far.sin_port = in_port_t(9).bigEndian
    guard inet_pton(AF_INET, "198.51.100.1", &far.sin_addr) == 1 else { return nil }
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isConnected = withUnsafePointer(to: &far) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) == 0 }
    }
    guard isConnected else { return nil }
    var near = sockaddr_storage()
    var nearSize = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &near) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            getsockname(descriptor, address, &nearSize) == 0 ? text(of: address, nearSize) : nil
        }
    }
}

private func firstInterfaceAddress() -> String? {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return nil }
    defer { freeifaddrs(first) }
    var found: (ipv4: String?, ipv6: String?)
    var next = first
    while let entry = next?.pointee {
        next = entry.ifa_next
        let flags = Int(entry.ifa_flags)
        guard let address = entry.ifa_addr, flags & IFF_UP != 0, flags & IFF_LOOPBACK == 0
        else { continue }
        switch CInt(address.pointee.sa_family) {
        case AF_INET: found.ipv4 = found.ipv4 ?? text(of: address, socklen_t(MemoryLayout<sockaddr_in>.size))
        case AF_INET6:
            // One of its own link (fe80::/10) needs the name of an interface, which is another machine's matter.
            let text = text(of: address, socklen_t(MemoryLayout<sockaddr_in6>.size))
            if text?.hasPrefix("fe") == false { found.ipv6 = found.ipv6 ?? text }
        default: break
        }
    }
    return found.ipv4 ?? found.ipv6
}

private func text(of address: UnsafePointer<sockaddr>, _ size: socklen_t) -> String? {
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard getnameinfo(address, size, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else { return nil }
    let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return host == "0.0.0.0" || host == "::" ? nil : host
}
