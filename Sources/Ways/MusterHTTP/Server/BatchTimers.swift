internal import CMicroHTTP
internal import Glibc
internal import Synchronization

/// Ends waits of libmicrohttpd for events that it has already.
///
/// It takes up to 128 events at a time. Where there are exactly so many it waits for more before it looks at them (0.9.75,
/// `MHD_epoll`): until another event comes, or a connection's time is up, a minute perhaps. A timer among the events is another
/// event; it runs while there are connections enough.
final class BatchTimers: Sendable {
    /// With fewer, no batch is full: the listening socket and the wake-up may be among the 128.
    static let connectionsMin = 120
    private static let everyMs: Int32 = 50

    private struct State {
        var timers: Set<Int32> = []
        var isRunning = false
    }
    private let state = Mutex(State())

    /// Its timer, for `remove`; -1 where the system has none left.
    func add(to daemon: OpaquePointer) -> Int32 {
        let timer = muster_mhd_add_timer(daemon)
        guard timer >= 0 else { return timer }
        state.withLock { state in
            state.timers.insert(timer)
            if state.isRunning { muster_timer_every(timer, Self.everyMs) }
        }
        return timer
    }

    /// Of a daemon that has stopped.
    func remove(_ timer: Int32) {
        guard state.withLock({ $0.timers.remove(timer) }) != nil else { return }
        close(timer)
    }

    /// How many there are now, over all daemons.
    func count(_ connections: Int) {
        state.withLock { state in
            let shallRun = connections >= Self.connectionsMin
            guard shallRun != state.isRunning else { return }
            state.isRunning = shallRun
            for timer in state.timers { muster_timer_every(timer, shallRun ? Self.everyMs : 0) }
        }
    }
}
