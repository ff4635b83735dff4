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

    /// Connects and watches. `tag` comes back from `wait`.
    func connect(port: UInt16, tag: UInt32) throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw MembersError("no more sockets: errno \(errno)") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw MembersError("cannot connect to port \(port): errno \(errno)") }
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(4))
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u32 = tag
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) == 0 else { throw MembersError("epoll: errno \(errno)") }
        return socket
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

func openManyFiles() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
