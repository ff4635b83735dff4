extension HTTPServer {
    /// Bounds; each is set explicitly and logged at start.
    package struct Limits: Sendable {
        /// Above it requests get 503; at most what the descriptor limit lets.
        package var connectionsMax = 20_000
        /// Of one IPv4 address, or of the IPv6 addresses that share their first 64 bits; above it 503. Nil: half of all.
        package var connectionsPerAddress: Int?
        /// Descriptors that connections must leave to the rest of the process, beyond the usual 128.
        package var descriptorsReserved = 0
        /// That one connection takes: of those that are handed over with TLS some pass its bytes on.
        package var descriptorsOfConnection = 1
        /// libmicrohttpd's own, a pair of sockets by which it passes bytes on, and a copy that says when there is room.
        package static let descriptorsOfUpgradeWithTLS = 4
        /// A connection on which nothing moves for so long is closed, half a request included. 1 or more.
        package var idleSeconds: UInt32 = 60
        /// The head of a request may take so long from its first byte on, however steadily it drips; then the connection is
        /// closed, at most a quarter of the time (5 s) late. 1 or more.
        package var headSeconds: UInt32 = 30
        /// A body may take so long, and a second more for each `bodyBytesPerSecond` that came of it; then the connection is closed,
        /// at most 5 s late. Time in which the server itself takes nothing does not count. 1 or more, both.
        package var bodySeconds: UInt32 = 30
        package var bodyBytesPerSecond = 4 << 10
        /// Memory of one connection for its request line, headers and buffers; longer headers get 431. It is wiped after each
        /// request, so that much of it costs time. Servers behind an edge take what an edge takes, and what it adds.
        package var connectionBytesMax = behindEdges
        /// Of an edge: as much as nginx takes.
        package static let ofEdge = 16 << 10
        package static let behindEdges = 20 << 10
        /// What libmicrohttpd takes of that memory for each header beyond its text.
        static let bytesOfHeader = 64
        /// Bytes of request bodies that are held at one time: a quarter for small ones, the rest for large ones. Nobody may hold
        /// more of either than is left free; above it 503.
        package var bodyBytesInAllMax = 1 << 30
        package init() {}
    }
}
