internal import Glibc
package import MusterHTTP

/// Where others find a server of this process: where it listens on all of its machine's addresses, by the one that others would
/// use, or by the machine's name, where it has none.
package func reachableURL(_ server: HTTPServer.Configuration, port: UInt16) -> String {
    let scheme = server.tlsCertificate == nil ? "http" : "https"
    var host = server.host
    if ["0.0.0.0", "::"].contains(host) { host = ownAddress() ?? machineName() ?? host }
    return "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)"
}

private func machineName() -> String? {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return nil }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
