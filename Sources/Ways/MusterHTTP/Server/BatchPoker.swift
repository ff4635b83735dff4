internal import CMicroHTTP
internal import Glibc
internal import Synchronization

/// Ends waits of libmicrohttpd for events that it has already.
///
/// It takes up to 128 events at a time. Where there are exactly so many it waits for more before it looks at them (0.9.75,
/// `MHD_epoll`): until another event comes, or a connection's time is up, a minute perhaps. A poke is another event; there is one
/// every 50 ms while there are connections enough.
final class BatchPoker: Sendable {
    /// With fewer, no batch is full: the listening socket and the wake-up may be among the 128.
    static let connectionsMin = 120
    private static let everyMs: Int32 = 50

    private struct State {
        /// What is written to, one for each daemon.
        var events: Set<Int32> = []
        var isRunning = false
        var isStopped = false
    }
    private let state = Mutex(State())
    private let clock: Int32

    init() throws(HTTPServerError) {
        clock = muster_timer()
        guard clock >= 0 else {
            throw HTTPServerError(message: "there is no timer: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(clock) }

    /// Its event, for `remove`; -1 where the system has none left.
    func add(to daemon: OpaquePointer) -> Int32 {
        let event = muster_mhd_add_event(daemon)
        if event >= 0 { state.withLock { _ = $0.events.insert(event) } }
        return event
    }

    /// Of a daemon that has stopped.
    func remove(_ event: Int32) {
        state.withLock { if $0.events.remove(event) != nil { close(event) } }
    }

    /// How many there are now, over all daemons.
    func count(_ connections: Int) {
        state.withLock { state in
            let shallRun = connections >= Self.connectionsMin
            guard shallRun != state.isRunning, !state.isStopped else { return }
            state.isRunning = shallRun
            muster_timer_every(clock, shallRun ? Self.everyMs : 0)
        }
    }

    /// Runs until `stop`; the server gives it a thread.
    func run() {
        var times: UInt64 = 0
        var one: UInt64 = 1
        while true {
            // A timer that repeats does so only when it is read.
            let count = read(clock, &times, 8)
            let isStopped = state.withLock { state in
                if count == 8 { for event in state.events { _ = write(event, &one, 8) } }
                return state.isStopped
            }
            if isStopped || count < 0 && errno != EINTR { return }
        }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        muster_timer_every(clock, 1)
    }
}
