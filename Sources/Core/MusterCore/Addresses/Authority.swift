/// A host, and perhaps a port, as a `Host` field or a URL names them: read whole, then compared, never by how it begins.
package struct Authority: Hashable, Sendable {
    package enum Host: Hashable, Sendable {
        case address(IPAddress)
        /// In lower case, without the root's dot at its end.
        case name(String)
    }
    package let host: Host
    /// Nil: none is said.
    package let port: Int?

    /// Most bytes of a name (RFC 1035).
    package static let nameBytesMax = 253

    /// `host`, `host:port`, `[address]:port` (RFC 9110, 7.2). Nil for anything else.
    package init?(_ text: some StringProtocol) {
        var rest = Substring(text)
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            let inside = rest[rest.index(after: rest.startIndex)..<end]
            guard inside.utf8.contains(UInt8(ascii: ":")), let address = IPAddress(inside) else { return nil }
            host = .address(address)
            rest = rest[rest.index(after: end)...]
        } else {
            let name = rest.prefix { $0 != ":" }
            guard let read = Self.host(name) else { return nil }
            host = read
            rest = rest.dropFirst(name.count)
        }
        if rest.isEmpty {
            port = nil
            return
        }
        let digits = rest.dropFirst()
        guard rest.first == ":", digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), digits.utf8.count <= 5 else {
            return nil
        }
        // A colon with nothing behind it is allowed (RFC 3986, 3.2.3).
        guard digits.isEmpty || Int(digits).map({ (1...65_535).contains($0) }) == true else { return nil }
        port = Int(digits)
    }

    /// Of a URL with a scheme. Nil where there is none, and for a URL with a user in it.
    package init?(url: some StringProtocol) {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[1].isEmpty, ["http:", "https:"].contains(parts[0].lowercased()) else {
            return nil
        }
        self.init(parts[2].prefix { $0 != "?" && $0 != "#" })
    }

    /// Without brackets. Nil for what is neither an address nor a name.
    package static func host(_ text: some StringProtocol) -> Host? {
        if let address = IPAddress(text) { return .address(address) }
        let name = text.hasSuffix(".") ? String(text.dropLast()).lowercased() : text.lowercased()
        guard (1...nameBytesMax).contains(name.utf8.count), !name.hasPrefix("-") else { return nil }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isNameByte) }), let last = labels.last else {
            return nil
        }
        // What ends in a number is an address in the eyes of browsers (WHATWG URL): one that is not written as such.
        guard !last.utf8.allSatisfy({ (0x30...0x39).contains($0) }), !last.hasPrefix("0x") else { return nil }
        return .name(name)
    }

    /// Letters, digits, `-`, `_`.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
        default: false
        }
    }

    /// Of this machine wherever it is read: `localhost`, 127.0.0.0/8, ::1.
    package var isLoopback: Bool {
        switch host {
        case .address(let address): address.isLoopback
        case .name(let name): name == "localhost" || name.hasSuffix(".localhost")
        }
    }

    /// Whether no stranger can make a browser take this host for his own (DNS rebinding): an address, a name without a dot or under
    /// a domain that the public DNS never has (RFC 6761, 6762, 9476 and ICANN's `internal`), or one of `names`, in lower case.
    package func isOwn(names: Set<String>) -> Bool {
        guard case .name(let name) = host else { return true }
        let isLocal = !name.contains(".") || Self.localDomains.contains { name.hasSuffix($0) }
        return isLocal || names.contains(name)
    }

    private static let localDomains = [".localhost", ".local", ".internal", ".home.arpa"]
}

/// What a request shows of servers that passed it on.
package enum ProxySigns {
    private static let names: Set = [
        "forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip",
    ]

    /// The first header, by its name, that only a proxy writes; nil where there is none.
    package static func first(in names: some Sequence<String>) -> String? {
        names.first { name in
            let lower = name.lowercased()
            return Self.names.contains(lower) || lower.hasPrefix("x-forwarded-")
        }
    }
}
