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
    private let givesUp = Atomic(false)
    /// All were given up, and who comes now is at once.
    var hasGivenUp: Bool { givesUp.load(ordering: .sequentiallyConsistent) }
    private let epoll: Int32
    private let wakeUp: Int32

    init() throws(HTTPServerError) {
        epoll = muster_watch_create()
        wakeUp = muster_watch_wake_up()
        guard epoll >= 0, wakeUp >= 0 else {
            throw HTTPServerError(message: "cannot watch connections: \(String(cString: strerror(errno)))")
        }
        muster_watch_input(epoll, wakeUp, 0)
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
            muster_watch_peer(epoll, socket, token)
            return token
        }
    }

    /// To be called while the socket is still open, so that its number cannot mean another connection yet.
    func remove(_ token: Token) {
        watched.withLock { watched in
            guard let entry = watched.entries.removeValue(forKey: token) else { return }
            muster_watch_remove(epoll, entry.socket)
        }
    }

    /// Runs until `stop`; the server gives it a thread.
    func run() {
        var tokens = [Token](repeating: 0, count: 64)
        while !watched.withLock({ $0.isStopped }) {
            let count = muster_watch_wait(epoll, &tokens, -1)
            for token in tokens.prefix(max(0, Int(count))) where token != 0 {
                let onGone = watched.withLock { $0.entries[token]?.onGone }
                onGone?()
            }
        }
    }

    /// Treats every client that is still watched as gone.
    func giveUpAll() {
        givesUp.store(true, ordering: .sequentiallyConsistent)
        for onGone in watched.withLock({ $0.entries.values.map(\.onGone) }) { onGone() }
    }

    func stop() {
        watched.withLock { $0.isStopped = true }
        var one: UInt64 = 1
        write(wakeUp, &one, 8)
    }
}
