internal import CEpoll
internal import Glibc

struct MembersError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Sockets on loopback and epoll, all on one thread.
final class Poller {
    private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    private var events = [epoll_event](repeating: epoll_event(), count: 1_024)

    /// As many addresses of loopback take turns where a caller says which of its many connections this is: one address has 28,000 ports
    /// for one server, which gives one address half of its connections.
    private static let sources = 16

    /// Connects and watches. `tag` comes back from `wait`.
    func connect(port: UInt16, tag: UInt32, source: Int? = nil) throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw MembersError("no more sockets: errno \(errno)") }
        var one: Int32 = 1
        if let source {
            // The port is chosen as it connects: only then one may serve several servers.
            setsockopt(socket, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &one, socklen_t(4))
            let last = UInt32(2 + source % Self.sources)
            guard Self.call(Glibc.bind, socket, address: 0x7F00_0000 + last, port: 0) == 0 else {
                throw MembersError("cannot bind to 127.0.0.\(last): errno \(errno)")
            }
        }
        guard Self.call(Glibc.connect, socket, address: 0x7F00_0001, port: port) == 0 else {
            throw MembersError("cannot connect to port \(port): errno \(errno)")
        }
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(4))
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u32 = tag
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) == 0 else { throw MembersError("epoll: errno \(errno)") }
        return socket
    }

    private static func call(
        _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32, _ socket: Int32, address number: UInt32,
        port: UInt16
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = number.bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// Tags of the sockets that have something to read.
    func wait(milliseconds: Int32, _ handle: (UInt32) throws -> Void) rethrows {
        let count = epoll_wait(epoll, &events, Int32(events.count), milliseconds)
        for index in 0..<Int(max(0, count)) { try handle(events[index].data.u32) }
    }

    /// What is there is small, so it never waits for the other side for long.
    static func send(_ text: String, to socket: Int32) -> Bool {
        var text = text
        return text.withUTF8 { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) == $0.count }
    }
}

/// Seconds on a monotonic clock.
func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// One whole line at once, for whoever started this.
func say(_ text: String) {
    var bytes = Array((text + "\n").utf8)
    _ = bytes.withUnsafeMutableBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

/// As many as this process may open.
func openManyFiles() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
