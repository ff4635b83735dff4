internal import MusterLog
internal import Synchronization

/// Whether the server is away, for `/readyz` and the log: a line when it goes, and one when it is there again.
final class Trouble: Sendable {
    private let reason = Mutex<String?>(nil)

    var now: String? { reason.withLock { $0 } }

    /// Nil: there is none any more.
    func note(_ trouble: String?) {
        reason.withLock { reason in
            if let trouble, trouble != reason { Log.warning("the store waits for its server", ["reason": trouble]) }
            if trouble == nil, reason != nil { Log.notice("the store has its server again") }
            reason = trouble
        }
    }

    /// Nothing can be written any more, whatever the server does.
    func end(_ trouble: String) {
        reason.withLock { $0 = trouble }
        Log.error("the store writes nothing any more", ["reason": trouble])
    }
}

/// How long to wait before the server is tried again: 50 ms at first, then twice as long each time, up to five seconds; of this, a
/// random half to all, so that many that lost one server do not all come back at once.
struct Pause {
    private var next = 50

    mutating func take() -> Duration {
        defer { next = min(5_000, next * 2) }
        return .milliseconds(Int.random(in: next / 2...next))
    }
}
