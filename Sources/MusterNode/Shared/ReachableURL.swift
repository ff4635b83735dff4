internal import Glibc
package import MusterHTTP

/// Where others find a server of this process: by the machine's name, where it listens on all of its addresses.
package func reachableURL(_ server: HTTPServer.Configuration, port: UInt16) -> String {
    let scheme = server.tlsCertificate == nil ? "http" : "https"
    var host = server.host
    if ["0.0.0.0", "::"].contains(host) {
        var name = [CChar](repeating: 0, count: 256)
        if gethostname(&name, name.count - 1) == 0 {
            host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
    return "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)"
}
