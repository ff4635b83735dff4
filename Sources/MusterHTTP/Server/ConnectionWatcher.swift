internal import CMicroHTTP
internal import Glibc
internal import Synchronization

/// Notices clients that die while nobody reads from them: libmicrohttpd does not watch suspended connections.
///
/// One thread with an epoll of its own, over sockets that it does not own. A client that closes only its sending half
/// counts as gone: nobody who waits for an answer does that on purpose often enough to let dead ones linger for it.
final class ConnectionWatcher: Sendable {
    typealias Token = UInt64

    private struct Watched {
        var entries: [Token: (socket: Int32, onGone: @Sendable () -> Void)] = [:]
        var nextToken: Token = 1
        var isStopped = false
    }
    private let watched = Mutex(Watched())
    private let epoll: Int32
    private let wakeUp: Int32

    init() throws(HTTPServerError) {
        epoll = epoll_create1(Int32(muster_epoll_cloexec))
        wakeUp = muster_eventfd()
        guard epoll >= 0, wakeUp >= 0 else {
            throw HTTPServerError(message: "cannot watch connections: \(String(cString: strerror(errno)))")
        }
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = 0
        epoll_ctl(epoll, EPOLL_CTL_ADD, wakeUp, &event)
    }

    deinit {
        close(epoll)
        close(wakeUp)
    }

    /// Calls `onGone` once, on the watcher's thread, when the peer of this socket is gone, until `remove`.
    func add(_ socket: Int32, onGone: @escaping @Sendable () -> Void) -> Token {
        watched.withLock { watched in
            let token = watched.nextToken
            watched.nextToken += 1
            watched.entries[token] = (socket, onGone)
            var event = epoll_event()
            event.events = EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue
            event.data.u64 = token
            epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event)
            return token
        }
    }

    /// To be called while the socket is still open, so that its number cannot mean another connection yet.
    func remove(_ token: Token) {
        watched.withLock { watched in
            guard let entry = watched.entries.removeValue(forKey: token) else { return }
            epoll_ctl(epoll, EPOLL_CTL_DEL, entry.socket, nil)
        }
    }

    /// Runs until `stop`; the server gives it a thread.
    func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while !watched.withLock({ $0.isStopped }) {
            let count = epoll_wait(epoll, &events, Int32(events.count), -1)
            guard count > 0 else { continue }
            for event in events.prefix(Int(count)) where event.data.u64 != 0 {
                let onGone = watched.withLock { $0.entries[event.data.u64]?.onGone }
                onGone?()
            }
        }
    }

    /// Treats every client that is still watched as gone.
    func giveUpAll() {
        for onGone in watched.withLock({ $0.entries.values.map(\.onGone) }) { onGone() }
    }

    func stop() {
        watched.withLock { $0.isStopped = true }
        var one: UInt64 = 1
        write(wakeUp, &one, 8)
    }
}
