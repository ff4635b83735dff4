internal import Synchronization

/// One connection, as those see it who watch all of them. The HTTP thread counts; it takes no lock for that.
final class WatchedConnection: Sendable {
    let token: HangUpReminder.Token
    let socket: Int32
    /// The address of the one that took it.
    let daemon: Int
    /// Requests whose head is in, and of them those that are over.
    private let heads = Atomic(0)
    private let over = Atomic(0)
    /// Requests whose body is in as well, or is not waited for.
    private let bodies = Atomic(0)
    /// How often the client was held back while it sent a body, and how often it was let go on.
    private let holds = Atomic(0)
    private let releases = Atomic(0)

    init(token: HangUpReminder.Token, socket: Int32, daemon: Int) {
        (self.token, self.socket, self.daemon) = (token, socket, daemon)
    }

    func headIsIn() { heads.add(1, ordering: .relaxed) }
    func bodyIsIn() { bodies.store(heads.load(ordering: .relaxed), ordering: .relaxed) }
    func requestIsOver() { over.add(1, ordering: .relaxed) }
    func isHeldBack() { holds.add(1, ordering: .relaxed) }
    func mayGoOn() { releases.add(1, ordering: .relaxed) }

    /// How many heads came; nil while the request behind the last one is under way.
    var headsBetweenRequests: Int? {
        let over = over.load(ordering: .relaxed)
        let heads = heads.load(ordering: .relaxed)
        return heads == over ? heads : nil
    }

    /// What there is to see of a body that is coming in.
    func bodyLook(bytes: UInt64, nowMs: Int) -> SlowBody.Look {
        let heads = heads.load(ordering: .relaxed)
        let isComing = heads > over.load(ordering: .relaxed) && heads > bodies.load(ordering: .relaxed)
        let holds = holds.load(ordering: .relaxed)
        return SlowBody.Look(
            request: isComing ? heads : nil, holds: releases.load(ordering: .relaxed) == holds ? holds : nil,
            bytes: bytes, at: nowMs)
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
    /// interval of calls late. `heads`: how many came; nil while a request is under way.
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
