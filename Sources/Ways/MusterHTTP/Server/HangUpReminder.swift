internal import CMicroHTTP
internal import Glibc
internal import Synchronization

/// Reminds libmicrohttpd of clients that hung up: its edge-triggered epoll reports an end that comes together with the
/// last bytes once only, and then nobody reads on to see it. And ends the patience with clients that never finish a head, or a body.
///
/// Reminds it of events that it has, too: it takes up to 128 at a time, and where there are exactly so many it waits for more before
/// it looks at them (0.9.75, `MHD_epoll`): until another event comes, or a connection's time is up, a minute perhaps. Each of its
/// sets gets another event every 50 ms while there are connections enough.
///
/// Knows every connection, of which it owns none. Shutting the receiving side of one that its client ended already takes
/// nothing away, and is an edge of its own; it is repeated until the connection is closed.
final class HangUpReminder: Sendable {
    typealias Token = UInt64

    /// Known by its address.
    private struct Daemon {
        /// One of its events when written to; -1: none yet.
        var event: Int32 = -1
        var connections = 0
        var isCrowded: Bool { connections >= HangUpReminder.crowd }
    }

    private struct Watched {
        var connections: [Token: WatchedConnection] = [:]
        var heads: [Token: SlowHead] = [:]
        var slowBodies: [Token: SlowBody] = [:]
        var ended: Set<Token> = []
        var daemons: [Int: Daemon] = [:]
        var nextToken: Token = 1
        var isStopped = false
    }
    /// With fewer connections no batch is full: the listening socket and the wake-up may be among the 128.
    private static let crowd = 120
    private static let pokeMs: Int32 = 50
    private static let againMs: Int32 = 100
    /// Looked at under one lock, so that a new connection need not wait for thousands of them.
    private static let looksAtOnce = 200
    private let watched = Mutex(Watched())
    private let epoll: Int32
    private let wakeUp: Int32
    private let headLimitMs: Int
    private let bodyLimitMs: Int
    private let bodyBytesPerSecond: Int
    private let lookMs: Int
    /// Another than that of all.
    private let ownSeconds: UInt32

    init(_ limits: HTTPServer.Limits) throws(HTTPServerError) {
        headLimitMs = Int(limits.headSeconds) * 1_000
        bodyLimitMs = Int(limits.bodySeconds) * 1_000
        bodyBytesPerSecond = limits.bodyBytesPerSecond
        ownSeconds = limits.idleSeconds == 1 ? 2 : 1
        lookMs = min(5_000, min(headLimitMs, bodyLimitMs) / 4)
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

    func watch(_ connection: OpaquePointer) -> WatchedConnection {
        let socket = muster_mhd_socket(connection)
        let daemon = Int(bitPattern: muster_mhd_daemon(connection))
        return watched.withLock { watched in
            let connection = WatchedConnection(token: watched.nextToken, socket: socket, daemon: daemon)
            watched.nextToken += 1
            watched.connections[connection.token] = connection
            muster_watch_peer(epoll, socket, connection.token)
            // Its first connections may come before it is told of.
            watched.daemons[daemon, default: Daemon()].connections += 1
            if watched.daemons[daemon]?.connections == Self.crowd { wake() }
            return connection
        }
    }

    /// To be called while the socket is still open, so that its number cannot mean another connection yet.
    func remove(_ connection: WatchedConnection) {
        watched.withLock { watched in
            guard watched.connections.removeValue(forKey: connection.token) != nil else { return }
            watched.daemons[connection.daemon]?.connections -= 1
            watched.ended.remove(connection.token)
            watched.heads[connection.token] = nil
            watched.slowBodies[connection.token] = nil
            muster_watch_remove(epoll, connection.socket)
        }
    }

    /// A daemon whose events may have to be brought to its mind, until it is removed.
    func add(_ daemon: OpaquePointer) {
        let (event, address) = (muster_mhd_add_event(daemon), Int(bitPattern: daemon))
        if event >= 0 { watched.withLock { $0.daemons[address, default: Daemon()].event = event } }
    }

    /// It is about to stop: afterwards another may have its address.
    func remove(_ daemon: OpaquePointer) {
        let address = Int(bitPattern: daemon)
        watched.withLock { if let daemon = $0.daemons.removeValue(forKey: address) { close(daemon.event) } }
    }

    /// It is closed, and libmicrohttpd may not know: what a body broke off is forgotten until its time is up, and looked for only behind
    /// those whose time is up before (0.9.75, `MHD_epoll`). Those with a time of their own are all looked at, at each turn, of which this
    /// brings one.
    func closes(_ connection: OpaquePointer) {
        muster_mhd_set_idle(connection, ownSeconds)
        guard let daemon = muster_mhd_daemon(connection) else { return }
        let address = Int(bitPattern: daemon)
        watched.withLock { if let daemon = $0.daemons[address] { Self.poke(daemon.event) } }
    }

    /// Runs until `stop`; the server gives it a thread.
    func run() {
        var tokens = [Token](repeating: 0, count: 64)
        var nextLookMs = Self.nowMs + lookMs
        while true {
            var limit = Int32(clamping: max(0, nextLookMs - Self.nowMs))
            let isStopped = watched.withLock { watched in
                if !watched.ended.isEmpty { limit = min(limit, Self.againMs) }
                for daemon in watched.daemons.values where daemon.isCrowded {
                    limit = min(limit, Self.pokeMs)
                    Self.poke(daemon.event)
                }
                return watched.isStopped
            }
            if isStopped { return }
            let count = muster_watch_wait(epoll, &tokens, limit)
            let news = tokens.prefix(max(0, Int(count)))
            if news.contains(0) { Self.drain(wakeUp) }
            remind(news)
            if Self.nowMs >= nextLookMs {
                lookAtAll()
                nextLookMs = Self.nowMs + lookMs
            }
        }
    }

    private func remind(_ news: ArraySlice<Token>) {
        watched.withLock { watched in
            for token in news where watched.connections[token] != nil { watched.ended.insert(token) }
            for token in news.isEmpty ? Array(watched.ended) : Array(news) {
                if let connection = watched.connections[token] { Glibc.shutdown(connection.socket, Int32(SHUT_RD)) }
            }
        }
    }

    // MARK: Heads and bodies that do not end

    private func lookAtAll() {
        var left = watched.withLock { Array($0.connections.keys) }[...]
        while !left.isEmpty {
            look(at: left.prefix(Self.looksAtOnce), nowMs: Self.nowMs)
            left = left.dropFirst(Self.looksAtOnce)
        }
    }

    private func look(at tokens: ArraySlice<Token>, nowMs: Int) {
        watched.withLock { watched in
            for token in tokens {
                guard let connection = watched.connections[token], !watched.ended.contains(token) else { continue }
                let bytes = muster_bytes_received(connection.socket)
                let isLateHead = watched.heads[token, default: SlowHead()]
                    .isOverdue(
                        heads: connection.headsBetweenRequests, bytes: bytes, nowMs: nowMs, limitMs: headLimitMs)
                let isLateBody = watched.slowBodies[token, default: SlowBody()]
                    .isOverdue(
                        connection.bodyLook(bytes: bytes, nowMs: nowMs), limitMs: bodyLimitMs,
                        bytesPerSecond: bodyBytesPerSecond)
                guard isLateHead || isLateBody else { continue }
                watched.ended.insert(token)
                Glibc.shutdown(connection.socket, Int32(SHUT_RD))
            }
        }
    }

    private static var nowMs: Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1_000 + now.tv_nsec / 1_000_000
    }

    func stop() {
        watched.withLock { $0.isStopped = true }
        wake()
    }

    private func wake() { Self.poke(wakeUp) }

    private static func poke(_ event: Int32) {
        var one: UInt64 = 1
        _ = write(event, &one, 8)
    }

    private static func drain(_ event: Int32) {
        var times: UInt64 = 0
        _ = read(event, &times, 8)
    }
}
