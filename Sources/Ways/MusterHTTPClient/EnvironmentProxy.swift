internal import Glibc

/// The proxy that libcurl takes for a request by the environment, so that it can be named where it does not answer.
///
/// The rules are those of curl(1): `http_proxy` in small letters only, the others in small letters, else in capitals;
/// `no_proxy` lists hosts, domains and networks that are spoken to directly.
struct EnvironmentProxy: Hashable, Sendable, CustomStringConvertible {
    /// The variable that names it.
    let name: String
    /// Without user and password.
    let url: String

    var description: String { "\(url) that the variable \(name) names (no_proxy lists hosts that need none)" }

    /// Nil: the request goes directly.
    init?(for request: HTTPClientRequest, _ variable: (String) -> String?) {
        let isTLS = request.url.prefix(6).lowercased() == "https:"
        let names = (isTLS ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]) + ["all_proxy", "ALL_PROXY"]
        func value(_ name: String) -> String? { variable(name).flatMap { $0.isEmpty ? nil : $0 } }
        guard let name = names.first(where: { value($0) != nil }), let host = request.host.flatMap({ String($0) })
        else {
            return nil
        }
        let direct = value("no_proxy") ?? value("NO_PROXY") ?? ""
        if direct.split(whereSeparator: { $0 == "," || $0.isWhitespace }).contains(where: { Self.covers($0, host) }) {
            return nil
        }
        self.name = name
        url = URLText.presentable(value(name)!)
    }

    /// The process's own variables.
    static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// `*`, a network like 10.0.0.0/8, an address, or a domain: itself and all under it.
    private static func covers(_ entry: Substring, _ host: String) -> Bool {
        if entry == "*" { return true }
        if let slash = entry.firstIndex(of: "/"), let bits = Int(entry[entry.index(after: slash)...]) {
            return isInside(host, String(entry[..<slash]), bits)
        }
        let (entry, host) = (entry.drop { $0 == "." }.lowercased(), host.lowercased())
        return host == entry || host.hasSuffix("." + entry)
    }

    private static func isInside(_ host: String, _ network: String, _ bits: Int) -> Bool {
        guard let host = bytes(of: host), let network = bytes(of: network), host.count == network.count,
            (0...host.count * 8).contains(bits)
        else { return false }
        return (0..<bits).allSatisfy { bit in (host[bit / 8] ^ network[bit / 8]) & (0x80 >> (bit % 8)) == 0 }
    }

    private static func bytes(of address: String) -> [UInt8]? {
        for (family, size) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: size)
            if inet_pton(family, address, &bytes) == 1 { return bytes }
        }
        return nil
    }
}
