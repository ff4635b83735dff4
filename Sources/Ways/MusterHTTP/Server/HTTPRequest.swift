internal import HTTPText
internal import MusterWire
internal import Synchronization

/// Who is at the other end of a connection.
package final class HTTPPeer: Sendable {
    /// An IPv4 or IPv6 address in text, without the port; empty when it cannot be told. IPv4 looks alike whatever the socket is.
    package let address: String
    /// How the server is reminded of this connection's end, and of a head that does not end.
    let watched: WatchedConnection?
    let network: NetworkKey
    /// Whose connections count together: an IPv4 address, or the first 64 bits of an IPv6 one.
    package var sender: String { "\(network.number)" }
    /// Why it may not stay: above a bound of connections.
    let refusal: Problem?
    /// Its connection lives on, and counts, though libmicrohttpd has closed it.
    let isLent = Atomic(false)
    /// Whether libmicrohttpd frees the connection. Held while it is told that an upgraded one ends, as otherwise it would free it meanwhile
    /// (0.9.75; mended in 0.9.77).
    let isFreed = Mutex(false)

    package convenience init(address: String) {
        self.init(address: address, network: NetworkKey(number: 0), watched: nil, refusal: nil)
    }

    init(address: String, network: NetworkKey, watched: WatchedConnection?, refusal: Problem?) {
        self.address = address
        self.watched = watched
        self.network = network
        self.refusal = refusal
    }
}

/// One request as handlers see it; safe to keep as long as they like.
package struct HTTPRequest: Sendable {
    package let method: String
    /// As sent: still escaped, with its query.
    package let target: String
    /// Unescaped segment by segment, empty ones (doubled slashes) dropped. A segment may hold a slash that was escaped.
    package let path: [String]
    /// Unescaped, in the order of the request.
    package let query: [(name: String, value: String)]
    package let headers: [(name: String, value: String)]
    package let peer: HTTPPeer
    /// The values of the route's segments in braces.
    package internal(set) var parameters: [String: String] = [:]
    /// The route's own word for who may call it, for the server's filter.
    package internal(set) var access = ""
    /// The body's fields, for routes that read a form.
    package internal(set) var form: [(name: String, value: String)] = []
    /// Whole, for routes that do not stream it.
    package internal(set) var body: [UInt8] = []

    /// The first header of that name, case ignored.
    package func header(_ name: String) -> String? { headers.first(named: name) }
}
