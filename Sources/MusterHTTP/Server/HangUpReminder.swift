internal import CMicroHTTP
internal import Glibc
internal import Synchronization

/// Reminds libmicrohttpd of clients that hung up: its edge-triggered epoll reports an end that comes together with the
/// last bytes once only, and then nobody reads on to see it.
///
/// Knows every connection, of which it owns none. Shutting the receiving side of one that its client ended already takes
/// nothing away, and is an edge of its own; it is repeated until the connection is closed.
final class HangUpReminder: Sendable {
    typealias Token = UInt64

    private struct Watched {
        var sockets: [Token: Int32] = [:]
        var ended: Set<Token> = []
        var nextToken: Token = 1
        var isStopped = false
    }
    private static let againMs: Int32 = 100
    private let watched = Mutex(Watched())
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

    func add(_ socket: Int32) -> Token {
        watched.withLock { watched in
            let token = watched.nextToken
            watched.nextToken += 1
            watched.sockets[token] = socket
            muster_watch_peer(epoll, socket, token)
            return token
        }
    }

    /// To be called while the socket is still open, so that its number cannot mean another connection yet.
    func remove(_ token: Token) {
        watched.withLock { watched in
            guard let socket = watched.sockets.removeValue(forKey: token) else { return }
            watched.ended.remove(token)
            muster_watch_remove(epoll, socket)
        }
    }

    /// Runs until `stop`; the server gives it a thread.
    func run() {
        var tokens = [Token](repeating: 0, count: 64)
        while true {
            let (isStopped, isWaiting) = watched.withLock { ($0.isStopped, !$0.ended.isEmpty) }
            if isStopped { return }
            let count = muster_watch_wait(epoll, &tokens, isWaiting ? Self.againMs : -1)
            remind(tokens.prefix(max(0, Int(count))))
        }
    }

    private func remind(_ news: ArraySlice<Token>) {
        watched.withLock { watched in
            for token in news where watched.sockets[token] != nil { watched.ended.insert(token) }
            for token in news.isEmpty ? Array(watched.ended) : Array(news) {
                if let socket = watched.sockets[token] { Glibc.shutdown(socket, Int32(SHUT_RD)) }
            }
        }
    }

    func stop() {
        watched.withLock { $0.isStopped = true }
        var one: UInt64 = 1
        write(wakeUp, &one, 8)
    }
}
