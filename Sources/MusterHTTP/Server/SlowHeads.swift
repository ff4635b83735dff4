internal import CMicroHTTP
internal import Synchronization

/// One connection, as those see it who watch all of them. The HTTP thread counts; it takes no lock for that.
final class WatchedConnection: Sendable {
    let token: HangUpReminder.Token
    let socket: Int32
    /// Requests whose head is in, and of them those that are over.
    private let heads = Atomic(0)
    private let over = Atomic(0)

    init(token: HangUpReminder.Token, socket: Int32) { (self.token, self.socket) = (token, socket) }

    func headIsIn() { heads.add(1, ordering: .relaxed) }
    func requestIsOver() { over.add(1, ordering: .relaxed) }

    /// How many heads came; nil while the request behind the last one is under way.
    var headsBetweenRequests: Int? {
        let over = over.load(ordering: .relaxed)
        let heads = heads.load(ordering: .relaxed)
        return heads == over ? heads : nil
    }
}

/// How long one connection's client has been at the head of its next request. An idle time bounds the pause between two bytes;
/// this bounds the sum of them.
struct SlowHead {
    /// What was known of it at the last look.
    private var heads = 0
    private var bytes: UInt64 = 0
    /// When bytes of a head that is not whole were seen first, milliseconds.
    private var sinceMs: Int?

    /// To be called again and again. Whether a head has been coming in for longer than the limit, which is noticed up to one
    /// interval of calls late.
    mutating func isOverdue(_ connection: WatchedConnection, nowMs: Int, limitMs: Int) -> Bool {
        isOverdue(
            heads: connection.headsBetweenRequests, bytes: muster_bytes_received(connection.socket), nowMs: nowMs,
            limitMs: limitMs)
    }

    mutating func isOverdue(heads now: Int?, bytes received: UInt64, nowMs: Int, limitMs: Int) -> Bool {
        guard let now else {
            sinceMs = nil
            // Whatever number comes next is another.
            heads = -1
            return false
        }
        if now != heads {
            (heads, bytes, sinceMs) = (now, received, nil)
            return false
        }
        guard received > bytes else { return false }
        guard let sinceMs else {
            self.sinceMs = nowMs
            return false
        }
        return nowMs - sinceMs >= limitMs
    }
}
