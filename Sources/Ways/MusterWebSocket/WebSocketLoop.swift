internal import CWslay
internal import Glibc
internal import Synchronization

/// One thread that reads and writes many WebSockets.
package final class WebSocketLoop: Sendable {
    private struct Told {
        var newcomers: [(socket: WebSocket, early: [UInt8])] = []
        var sockets: [WebSocket] = []
        var isStopped = false
        /// The thread waits, and sees nothing before it is woken.
        var isAsleep = false
        /// Nobody looks here any more.
        var isOver = false

        var isEmpty: Bool { newcomers.isEmpty && sockets.isEmpty && !isStopped }
    }

    private let told = Mutex(Told())
    let epoll: Int32
    private let wakeUp: Int32
    let limits: WebSocketLimits
    private let audience: any WebSocketAudience

    /// Throws the system's error: it has no descriptors left.
    package init(_ limits: WebSocketLimits, _ audience: any WebSocketAudience) throws(WebSocketError) {
        (self.limits, self.audience) = (limits, audience)
        epoll = muster_loop_make()
        wakeUp = muster_loop_wake_up()
        guard epoll >= 0, wakeUp >= 0, muster_loop_add(epoll, wakeUp, 0) == 0 else { throw WebSocketError(errno) }
    }

    deinit {
        Glibc.close(epoll)
        Glibc.close(wakeUp)
    }

    /// Takes over a connection whose handshake is done; `early` came behind it already. `release` is called once when it is over.
    package func adopt(
        _ descriptor: Int32, out: WebSocketOut? = nil, of owner: Int64 = 0, early: [UInt8] = [],
        release: @escaping @Sendable () -> Void
    ) -> WebSocket {
        let socket = WebSocket(descriptor, out, of: owner, self, release: release)
        if !tell({ $0.newcomers.append((socket, early)) }) { socket.end() }
        return socket
    }

    func tell(_ socket: WebSocket) { _ = tell { $0.sockets.append(socket) } }

    /// False where nobody hears it.
    @discardableResult
    private func tell(_ change: (inout sending Told) -> Void) -> Bool {
        let (isHeard, wasAsleep) = told.withLock { told in
            guard !told.isOver else { return (false, false) }
            change(&told)
            defer { told.isAsleep = false }
            return (true, told.isAsleep)
        }
        if wasAsleep {
            var one: UInt64 = 1
            _ = Glibc.write(wakeUp, &one, 8)
        }
        return isHeard
    }

    /// Ends all connections and `run`, once what was written is sent as far as each takes it at once.
    package func stop() { tell { $0.isStopped = true } }

    /// Until `stop`; the caller gives it a thread.
    package func run() {
        var state = WebSocketLines(epoll, limits, audience)
        var tokens = [UInt64](repeating: 0, count: 256)
        var reads = [UInt8](repeating: 0, count: 256)
        var (lookAt, isStopped) = (Self.nowMs + 1_000, false)
        while !isStopped {
            let count = wait(&tokens, &reads, untilMs: lookAt)
            state.nowMs = Self.nowMs
            for place in 0..<count where tokens[place] != 0 {
                state.happened(tokens[place], mayRead: reads[place] != 0)
            }
            takeNews(&state, &isStopped)
            state.handOver()
            // What they answered.
            takeNews(&state, &isStopped)
            if state.nowMs >= lookAt {
                state.look()
                lookAt = state.nowMs + 1_000
            }
            state.sendWhatIsDue()
        }
        state.endAll()
        let late = told.withLock { told in
            defer { told.newcomers = [] }
            told.isOver = true
            return told.newcomers
        }
        for newcomer in late { newcomer.socket.end() }
    }

    private func takeNews(_ state: inout WebSocketLines, _ isStopped: inout Bool) {
        let news = told.withLock { told in
            defer { (told.newcomers, told.sockets) = ([], []) }
            return told
        }
        isStopped = news.isStopped
        for newcomer in news.newcomers { state.add(newcomer.socket, newcomer.early) }
        for socket in news.sockets { state.isTold(socket) }
    }

    /// Until something happens or is told: how many tokens.
    private func wait(_ tokens: inout [UInt64], _ reads: inout [UInt8], untilMs: Int) -> Int {
        let mayWait = told.withLock { told in
            told.isAsleep = told.isEmpty
            return told.isEmpty
        }
        let count = muster_loop_wait(
            epoll, &tokens, &reads, mayWait ? Int32(clamping: max(0, untilMs - Self.nowMs)) : 0)
        told.withLock { $0.isAsleep = false }
        let woken = max(0, Int(count))
        if tokens.prefix(woken).contains(0) {
            var times: UInt64 = 0
            _ = Glibc.read(wakeUp, &times, 8)
        }
        return woken
    }

    static var nowMs: Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1_000 + now.tv_nsec / 1_000_000
    }
}

package struct WebSocketError: Error, CustomStringConvertible {
    package let description: String
    init(_ code: Int32) { description = "cannot watch WebSockets: \(String(cString: strerror(code)))" }
}
