internal import CMicroHTTP
internal import Glibc

/// A numeric address and port, as the socket functions take it.
struct SocketAddress {
    private var storage = sockaddr_storage()

    /// Throws for a host that is not an IPv4 or IPv6 address (names would leave open which of their addresses is meant).
    init(host: String, port: UInt16) throws(HTTPServerError) {
        guard muster_parse_address(host == "localhost" ? "127.0.0.1" : host, port, &storage) == 1 else {
            throw HTTPServerError(message: "cannot listen on \"\(host)\": give an IPv4 or IPv6 address, like 127.0.0.1")
        }
    }

    /// All addresses of the machine, of IPv6 and with it of IPv4.
    var isAnySix: Bool { withPointer { muster_is_any_six($0) != 0 } }

    /// Why nobody could listen there now, an `errno` value; 0: nothing is in the way.
    func failureToListen() -> Int32 { withPointer { muster_failure_to_listen($0) } }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>) -> Result) -> Result {
        withUnsafePointer(to: storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
        }
    }
}

func withOptionalCString<Result>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    guard let text else { return body(nil) }
    return text.withCString { body($0) }
}
